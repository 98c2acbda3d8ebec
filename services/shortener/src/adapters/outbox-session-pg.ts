/**
 * The active relay's database session. Everything it writes goes through this one connection, which also holds the
 * advisory lock: whoever terminates it has stopped the relay for good, even if the process is frozen and wakes later.
 */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { Pool, Query, Queryable, Row, Session } from '@linkfleet/runtime/postgres'
import { idempotencyKeptMs } from '../domain/idempotency.ts'
import type { Backlog, OutboxSession, OutboxSnapshot, PendingChange } from '../ports.ts'
import { copyColumns, readFreshnessColumns, rowToCopy } from './link-row-pg.ts'
import { WrittenChanges } from './written-changes.ts'

/** "lfrelay" as a number; the same in every instance, different from every other lock. */
const advisoryLock = 30_518_773_915
/** A relay stamps three times in this time. */
const frozenAfterMs = 1_500
/** Rows pruned in one statement: stamps and rounds wait for it on the same connection. */
const prunedRowsMax = 2_000

/** `written`: what this process has put into Redis otherwise; it is told whether this session leads. */
export async function openOutboxSessionPg(
  pool: Pool,
  written = new WrittenChanges(),
): Promise<OutboxSession> {
  const connection = await pool.session()
  const session = oneAtATime(connection)
  try {
    // Losing what the relay notes only repeats work, so it need not wait for the disk; the heartbeat does. Every row
    // is found by its index: without statistics, or with those of a small table, the planner would read all links.
    await session.query(`SET synchronous_commit = off;
      SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off`)
  } catch (error) {
    // A connection that is not given back is one less for good, and the pool has two.
    connection.raw.release(true)
    throw error
  }
  return {
    async tryLead(instance) {
      const leads = await tryLead(session, instance)
      if (leads) written.keep()
      return leads
    },
    deposeFrozen: () => deposeFrozen(session),
    async stamp() {
      await session.query({
        name: 'stamp',
        text: 'UPDATE links.relay SET stamped_at = clock_timestamp() WHERE backend_pid = pg_backend_pid()',
      })
    },
    async beat() {
      // Never backwards, even when the clock is. It travels to replicas with the next flush, so it asks for one.
      await session.query(`BEGIN; SET LOCAL synchronous_commit = local;
        UPDATE links.heartbeat SET beat_at = greatest(beat_at, clock_timestamp()), timeline = links.timeline();
        COMMIT`)
    },
    snapshot: (changesMax) => snapshot(session, changesMax, written),
    settle: (done) => settle(session, done),
    backlog: async () => ({
      redis: await backlogOf(session, 'redis_done'),
      kafka: await backlogOf(session, 'kafka_done'),
    }),
    prune: () => prune(session),
    async close() {
      written.keepNothing()
      // Not back into the pool: the connection may be stuck, and it may hold the lock.
      connection.raw.release(true)
    },
  }
}

/** The relay's chores share the connection: each statement waits for the one before it. */
function oneAtATime(session: Session): Queryable {
  let last: Promise<unknown> = Promise.resolve()
  return {
    query<R extends Row>(query: Query | string) {
      const next = last.then(() => session.query<R>(query))
      last = next.catch(() => {})
      return next
    },
  }
}

async function tryLead(session: Queryable, instance: string): Promise<boolean> {
  const { rows } = await session.query<{ locked: boolean }>({
    text: 'SELECT pg_try_advisory_lock($1) AS locked',
    values: [advisoryLock],
  })
  if (rows[0]?.locked !== true) return false
  await session.query({
    text: `INSERT INTO links.relay (id, stamped_at, instance, backend_pid, backend_started_at)
      SELECT 1, clock_timestamp(), $1, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
      ON CONFLICT (id) DO UPDATE SET stamped_at = EXCLUDED.stamped_at, instance = EXCLUDED.instance,
        backend_pid = EXCLUDED.backend_pid, backend_started_at = EXCLUDED.backend_started_at`,
    values: [instance],
  })
  return true
}

async function deposeFrozen(session: Queryable): Promise<boolean> {
  // The start of the backend tells it from a later one with the same pid.
  const { rows } = await session.query({
    text: `SELECT pg_terminate_backend(r.backend_pid) AS terminated
      FROM links.relay AS r
      JOIN pg_stat_activity AS a ON a.pid = r.backend_pid AND a.backend_start = r.backend_started_at
      WHERE r.stamped_at < clock_timestamp() - make_interval(secs => $1)`,
    values: [frozenAfterMs / 1000],
  })
  return rows[0]?.terminated === true
}

async function snapshot(
  session: Queryable,
  changesMax: { readonly redis: number; readonly kafka: number },
  written: WrittenChanges,
): Promise<OutboxSnapshot> {
  const { rows } = await session.query({
    name: 'outbox-snapshot',
    text: `WITH pending AS (
        (SELECT version, domain_id, code, redis_done, kafka_done FROM links.outbox
          WHERE NOT redis_done ORDER BY version LIMIT $1)
        UNION
        (SELECT version, domain_id, code, redis_done, kafka_done FROM links.outbox
          WHERE NOT kafka_done ORDER BY version LIMIT $2)
      ), moment AS (
        SELECT ${readFreshnessColumns},
          ceil(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS taken_at_ms,
          (SELECT floor(extract(epoch FROM beat_at) * 1000)::bigint FROM links.heartbeat
            WHERE timeline = (SELECT links.timeline())) AS heartbeat_ms
      )
      SELECT m.*, p.version AS outbox_version, p.domain_id, p.code, p.redis_done, p.kafka_done
      FROM moment AS m LEFT JOIN pending AS p ON true ORDER BY p.version`,
    values: [changesMax.redis, changesMax.kafka],
  })
  const [first] = rows
  const asOfMs = first?.as_of_ms as number
  const timeline = first?.timeline as number
  const noted = rows
    .filter((row) => row.outbox_version !== null)
    .map((row) => ({ row, version: row.outbox_version as number }))
    .map(({ row, version }) => ({ row, version, own: written.find({ timeline, version }) }))
  const unknown = noted.filter(({ own }) => own === undefined).map(({ row }) => row)
  const read = await readCopies(session, unknown, timeline)
  const changes = noted.flatMap(({ row, version, own }): PendingChange[] => {
    const copy = own?.copy ?? read.get(keyOf(row))
    if (copy === undefined) return []
    const done = { redisDone: row.redis_done as boolean, kafkaDone: row.kafka_done as boolean }
    return [{ version, copy, asOfMs: own?.asOfMs ?? asOfMs, ...done }]
  })
  return {
    changes,
    asOfMs,
    takenAtMs: first?.taken_at_ms as number,
    timeline,
    heartbeatMs: (first?.heartbeat_ms as number | null) ?? undefined,
    isCompleteForRedis: changes.filter((change) => !change.redisDone).length < changesMax.redis,
    isCompleteForKafka: changes.filter((change) => !change.kafkaDone).length < changesMax.kafka,
  }
}

const keyOf = ({ domain_id, code }: Row) => `${domain_id}:${code}`

/** Read after the snapshot, so they are as current as it, or more. */
async function readCopies(
  session: Queryable,
  wanted: readonly Row[],
  timeline: number,
): Promise<ReadonlyMap<string, LinkCopy>> {
  if (wanted.length === 0) return new Map()
  const { rows } = await session.query({
    name: 'outbox-copies',
    text: `SELECT ${copyColumns('l')} FROM unnest($1::int[], $2::text[]) AS w(domain_id, code)
      JOIN links.links AS l ON l.domain_id = w.domain_id AND l.code = w.code COLLATE "C"`,
    values: [wanted.map((row) => row.domain_id), wanted.map((row) => row.code)],
  })
  return new Map(rows.map((row) => [keyOf(row), rowToCopy(row, timeline)]))
}

/** Each statement names the condition of the partial index that finds its rows. */
async function settle(
  session: Queryable,
  done: { readonly redis: readonly number[]; readonly kafka: readonly number[] },
): Promise<void> {
  const kafka = new Set(done.kafka)
  const both = done.redis.filter((version) => kafka.has(version))
  const redisOnly = done.redis.filter((version) => !kafka.has(version))
  const inBoth = new Set(both)
  const kafkaOnly = done.kafka.filter((version) => !inBoth.has(version))
  const run = async (name: string, text: string, versions: readonly number[]) => {
    if (versions.length > 0) await session.query({ name, text, values: [versions] })
  }
  const these = 'version = ANY($1::bigint[])'
  await run('settle-both', `DELETE FROM links.outbox WHERE NOT redis_done AND ${these}`, both)
  const byRedis = `NOT redis_done AND ${these}`
  await run('settle-redis-last', `DELETE FROM links.outbox WHERE kafka_done AND ${byRedis}`, redisOnly)
  await run('settle-redis', `UPDATE links.outbox SET redis_done = true WHERE ${byRedis}`, redisOnly)
  const byKafka = `NOT kafka_done AND ${these}`
  await run('settle-kafka-last', `DELETE FROM links.outbox WHERE redis_done AND ${byKafka}`, kafkaOnly)
  await run('settle-kafka', `UPDATE links.outbox SET kafka_done = true WHERE ${byKafka}`, kafkaOnly)
}

/** Counting more would hold up the rounds, and tell nobody more than that there are very many. */
const countedChangesMax = 200_000

async function backlogOf(session: Queryable, done: 'redis_done' | 'kafka_done'): Promise<Backlog> {
  const { rows } = await session.query<{ changes: number; oldest_seconds: number | null }>({
    name: `backlog-${done}`,
    text: `SELECT
      (SELECT count(*) FROM (SELECT FROM links.outbox WHERE NOT ${done} LIMIT ${countedChangesMax}) AS counted) AS changes,
      (SELECT greatest(0, extract(epoch FROM clock_timestamp() - created_at))::float8 FROM links.outbox
        WHERE NOT ${done} ORDER BY version LIMIT 1) AS oldest_seconds`,
    values: [],
  })
  return { changes: rows[0]?.changes ?? 0, oldestSeconds: rows[0]?.oldest_seconds ?? 0 }
}

async function prune(session: Queryable): Promise<boolean> {
  const { rowCount } = await session.query({
    text: `DELETE FROM links.idempotency_records WHERE key_hash IN (
        SELECT key_hash FROM links.idempotency_records
        WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2)`,
    values: [idempotencyKeptMs / 1000, prunedRowsMax],
  })
  await session.query('DELETE FROM links.login_tokens WHERE expires_at < now()')
  await session.query('DELETE FROM links.sessions WHERE expires_at < now()')
  // Holders give up leases within minutes; what a lease that is forgotten had left stays taken.
  const leases = await session.query({
    text: `DELETE FROM links.click_leases WHERE (domain_id, code, request_id) IN (
        SELECT domain_id, code, request_id FROM links.click_leases
        WHERE leased_at < now() - interval '1 day' ORDER BY leased_at LIMIT $1)`,
    values: [prunedRowsMax],
  })
  return rowCount === prunedRowsMax || leases.rowCount === prunedRowsMax
}
