/**
 * Rollups, marks and offsets in Postgres, one transaction a batch. The partition's row is locked first: it is the
 * fence between two consumers that both believe they own the partition.
 */
import type { Pool, Queryable, Transaction } from '@linkfleet/runtime/postgres'
import {
  type BatchPlan,
  digestOf,
  type PartitionState,
  planBatch,
  producersOf,
  type ReadRecord,
} from '../../domain/batch-plan.ts'
import type { StoredPosition } from '../../domain/position.ts'
import type { ClassifyUserAgent } from '../../domain/traits.ts'
import type { ApplyOutcome, ClickStore } from '../../ports.ts'
import type { AppliedBatch } from '../archive/archive-queue-pg.ts'
import { writeRollup } from './rollup-rows-pg.ts'

export interface ClickStoreOptions {
  readonly pool: Pool
  readonly classify: ClassifyUserAgent
  readonly now: () => number
  /** Takes part in the transaction of each batch, after all else; what it throws takes the batch back. */
  readonly recordApplied?: (transaction: Queryable, batch: AppliedBatch) => Promise<void>
}

/** A process that is frozen in mid-transaction must not keep its partition locked. */
const beginText = 'BEGIN; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL lock_timeout = 5000'

export function openClickStorePg(options: ClickStoreOptions): ClickStore {
  const { pool, classify, now, recordApplied } = options
  return {
    async position(partition) {
      const { rows } = await pool.query<StoredPosition & Record<string, unknown>>({
        name: 'position',
        text: `SELECT next_offset AS "nextOffset", encode(fingerprint, 'hex') AS fingerprint
          FROM clicks.partitions WHERE partition = $1`,
        values: [partition],
      })
      return rows[0]
    },
    async begin(partition, nextOffset) {
      const { rowCount } = await pool.query({
        text: 'INSERT INTO clicks.partitions (partition, next_offset) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        values: [partition, nextOffset],
      })
      return rowCount === 1
    },
    async move(partition, from, to) {
      const { rowCount } = await pool.query({
        text: `UPDATE clicks.partitions SET next_offset = $3, fingerprint = NULL
          WHERE partition = $1 AND next_offset = $2`,
        values: [partition, from, to],
      })
      return rowCount === 1
    },
    apply: async (partition, from, records) =>
      await pool.transaction(async (transaction) => {
        if ((await lockedOffset(transaction, partition)) !== from) return { kind: 'out-of-step' }
        const state = await readState(transaction, partition, records)
        const nowMs = now()
        const plan = planBatch(records, state, nowMs, classify)
        await writeRollup(transaction, partition, plan.rollup)
        await writeProtocol(transaction, partition, plan, nowMs)
        await writeProgress(transaction, new Map([[partition, plan.caughtUpAtMs]]))
        await recordApplied?.(transaction, { partition, fromOffset: from, records, plan, appliedAtMs: nowMs })
        const { nextOffset, caughtUpAtMs, counts, deadLetters, oldestCountedMs } = plan
        return {
          kind: 'applied',
          nextOffset,
          caughtUpAtMs,
          counts,
          deadLetters,
          oldestCountedMs,
        } satisfies ApplyOutcome
      }, beginText),
    async noteProgress(caughtUpAtMs, partitionCount) {
      await pool.query({ name: 'hold-progress', text: holdProgressText, values: [partitionCount] })
      await writeProgress(pool, caughtUpAtMs)
      await pool.query({
        name: 'forget-progress',
        text: 'DELETE FROM clicks.progress WHERE partition >= $1',
        values: [partitionCount],
      })
    },
  }
}

async function lockedOffset(transaction: Transaction, partition: number): Promise<number | undefined> {
  const { rows } = await transaction.query<{ next_offset: number }>({
    name: 'lock-partition',
    text: 'SELECT next_offset FROM clicks.partitions WHERE partition = $1 FOR UPDATE',
    values: [partition],
  })
  return rows[0]?.next_offset
}

/** Marks are read anew for each batch, under the lock: nothing is remembered that a lost commit could make untrue. */
async function readState(
  transaction: Transaction,
  partition: number,
  records: readonly ReadRecord[],
): Promise<PartitionState> {
  const { rows } = await transaction.query<{ producer: string; sequence: number }>({
    name: 'read-marks',
    text: `SELECT encode(producer_id, 'hex') AS producer, sequence FROM clicks.marks
      WHERE partition = $1 AND producer_id = ANY($2::bytea[])`,
    values: [partition, producersOf(records).map(fromHex)],
  })
  const { rows: letters } = await transaction.query({
    name: 'any-dead-letter',
    text: 'SELECT 1 FROM clicks.dead_letters WHERE partition = $1 LIMIT 1',
    values: [partition],
  })
  return {
    marks: new Map(rows.map((row) => [row.producer, row.sequence])),
    setAside: letters.length === 0 ? new Set() : await readSetAside(transaction, partition, records),
  }
}

async function readSetAside(
  transaction: Transaction,
  partition: number,
  records: readonly ReadRecord[],
): Promise<ReadonlySet<string>> {
  const { rows } = await transaction.query<{ digest: string }>({
    name: 'read-set-aside',
    text: `SELECT encode(digest, 'hex') AS digest FROM clicks.dead_letters
      WHERE partition = $1 AND digest = ANY($2::bytea[])`,
    values: [partition, records.map(({ record }) => fromHex(digestOf(record)))],
  })
  return new Set(rows.map((row) => row.digest))
}

async function writeProtocol(
  transaction: Transaction,
  partition: number,
  plan: BatchPlan,
  nowMs: number,
): Promise<void> {
  const at = new Date(nowMs)
  if (plan.marks.length > 0) {
    await transaction.query({
      name: 'raise-marks',
      text: `INSERT INTO clicks.marks (partition, producer_id, sequence, applied_at)
        SELECT $1, producer_id, sequence, $4 FROM unnest($2::bytea[], $3::bigint[]) AS mark(producer_id, sequence)
        ON CONFLICT (partition, producer_id)
        DO UPDATE SET sequence = excluded.sequence, applied_at = excluded.applied_at`,
      values: [
        partition,
        plan.marks.map(([producer]) => fromHex(producer)),
        plan.marks.map(([, mark]) => mark),
        at,
      ],
    })
  }
  for (const letter of plan.deadLetters) {
    await transaction.query({
      name: 'set-aside',
      text: `INSERT INTO clicks.dead_letters
          (partition, record_offset, producer_id, counted_through, reason, value, digest, set_aside_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      values: [
        partition,
        letter.offset,
        letter.producer === undefined ? null : fromHex(letter.producer),
        letter.countedThrough,
        letter.reason,
        letter.value,
        fromHex(letter.digest),
        at,
      ],
    })
  }
  await transaction.query({
    name: 'move-partition',
    text: 'UPDATE clicks.partitions SET next_offset = $2, fingerprint = $3 WHERE partition = $1',
    values: [partition, plan.nextOffset, fromHex(plan.fingerprint)],
  })
}

/** A partition that the topic grew by begins where all others are at least; in a new fleet nothing is known of any: at 0. */
const holdProgressText = `
INSERT INTO clicks.progress (partition, caught_up_at)
SELECT partition, coalesce((SELECT min(caught_up_at) FROM clicks.progress), 'epoch')
FROM generate_series(0, $1::int - 1) AS topic(partition)
WHERE NOT EXISTS (SELECT FROM clicks.progress WHERE progress.partition = topic.partition)
ON CONFLICT (partition) DO NOTHING`

async function writeProgress(database: Queryable, caughtUpAtMs: ReadonlyMap<number, number>): Promise<void> {
  const sorted = [...caughtUpAtMs].sort(([a], [b]) => a - b)
  await database.query({
    name: 'note-progress',
    text: `INSERT INTO clicks.progress (partition, caught_up_at)
      SELECT partition, to_timestamp(at_ms / 1000.0) FROM unnest($1::int[], $2::bigint[]) AS noted(partition, at_ms)
      ON CONFLICT (partition) DO UPDATE SET caught_up_at = excluded.caught_up_at
      WHERE clicks.progress.caught_up_at < excluded.caught_up_at`,
    values: [sorted.map(([partition]) => partition), sorted.map(([, atMs]) => atMs)],
  })
}

function fromHex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
