import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { expect, it } from 'vitest'
import { openTestFleet } from '../testing/start.ts'
import { openOutboxSessionPg } from './outbox-session-pg.ts'
import { WrittenChanges } from './written-changes.ts'

it('the relay prunes all idempotency records and leases that are past their day, however many, and no other', async () => {
  await using fleet = await openTestFleet()
  await using pool = openTestPool(fleet.database.url, { maxConnections: 1, statementTimeoutMs: 10_000 })
  await pool.query(`INSERT INTO links.idempotency_records (key_hash, request_hash, link, version, created_at)
    SELECT sha256(n::text::bytea), '', '{}', n, now() - interval '23 hours' - n % 2 * interval '2 hours'
    FROM generate_series(1, 24002) AS n`)
  await pool.query(`INSERT INTO links.click_leases (domain_id, code, request_id, created_version, granted, leased_at)
    SELECT 1, 'limited', sha256(n::text::bytea), 1, 1, now() - interval '23 hours' - n % 2 * interval '2 hours'
    FROM generate_series(1, 9000) AS n`)
  await fleet.start()
  const left = await eventually(async () => {
    const { rows } = await pool.query<{ old: number; young: number }>(`SELECT
      count(*) FILTER (WHERE version % 2 = 1) AS old, count(*) FILTER (WHERE version % 2 = 0) AS young
      FROM links.idempotency_records`)
    return rows[0]?.old === 0 && rows[0]
  })
  expect(left.young).toBe(12_001)
  await eventually(async () => {
    const { rows } = await pool.query<{ left: number }>('SELECT count(*) AS left FROM links.click_leases')
    expect(rows[0]?.left).toBe(4_500)
  })
})

it('after an outage of Kafka the oldest changes go there first, however many are new for Redis all the while', async () => {
  await using fleet = await openTestFleet()
  await using pool = openTestPool(fleet.database.url, { maxConnections: 2, statementTimeoutMs: 10_000 })
  let newest = 0
  const change = async (count: number, redisDone: boolean) => {
    await pool.query({
      text: `WITH made AS (
          INSERT INTO links.links (domain_id, code, version, created_version, target_url, created_by, created_at, updated_at)
          SELECT 1, 'link-' || v, v, v, 'https://example.com/', 'test', now(), now() FROM generate_series($1::int, $2) AS v
          RETURNING version, domain_id, code
        )
        INSERT INTO links.outbox (version, domain_id, code, redis_done) SELECT *, $3 FROM made`,
      values: [newest + 1, newest + count, redisDone],
    })
    newest += count
  }
  await change(300, true)
  const session = await openOutboxSessionPg(pool)
  expect((await session.snapshot({ redis: 0, kafka: 300 })).isCompleteForKafka).toBe(false)
  expect((await session.snapshot({ redis: 0, kafka: 301 })).isCompleteForKafka).toBe(true)
  const published: number[] = []
  try {
    for (let round = 0; round < 3; round++) {
      await change(60, false)
      const { changes } = await session.snapshot({ redis: 60, kafka: 100 })
      const versions = changes.filter(({ kafkaDone }) => !kafkaDone).map(({ version }) => version)
      expect(versions).toEqual(versions.toSorted((one, other) => one - other))
      published.push(...versions)
      const redis = changes.filter(({ redisDone }) => !redisDone).map(({ version }) => version)
      expect(redis).toHaveLength(60)
      await session.settle({ redis, kafka: versions })
    }
  } finally {
    await session.close()
  }
  const waited = published.filter((version) => version <= 300)
  expect(waited).toEqual(Array.from({ length: 300 }, (_none, index) => index + 1))
})

it('what this process has written is not read again, and is as current as it was then; all else is read', async () => {
  await using fleet = await openTestFleet()
  await using pool = openTestPool(fleet.database.url, { maxConnections: 2, statementTimeoutMs: 10_000 })
  await pool.query(`WITH made AS (
      INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at, updated_at)
      SELECT 'link-' || v, v, v, 'https://example.com/read', 'test', now(), now() FROM generate_series(1, 3) AS v
      RETURNING version, domain_id, code
    )
    INSERT INTO links.outbox (version, domain_id, code) SELECT version, domain_id, code FROM made`)
  const { rows } = await pool.query<{ timeline: number }>('SELECT links.timeline() AS timeline')
  const timeline = rows[0]?.timeline as number
  const written = new WrittenChanges()
  const write = (version: number, ofTimeline: number) => {
    const targetUrl = 'https://example.com/written'
    const copy = liveLink(`link-${version}`, version, { timeline: ofTimeline, targetUrl })
    written.add({ copy, asOfMs: 7 }, written.now())
  }
  const session = await openOutboxSessionPg(pool, written)
  const look = async () => {
    const { changes, asOfMs } = await session.snapshot({ redis: 10, kafka: 10 })
    return changes.map((change) => {
      const isRead = change.copy.targetUrl === 'https://example.com/read'
      expect(change.asOfMs).toBe(isRead ? asOfMs : 7)
      expect(change.copy).toMatchObject({ code: `link-${change.version}`, version: change.version, timeline })
      return isRead ? 'read' : 'written'
    })
  }
  try {
    write(1, timeline)
    expect(await look(), 'before it leads nothing is kept').toEqual(['read', 'read', 'read'])
    await eventually(() => session.tryLead('test'))
    write(1, timeline)
    write(3, timeline)
    expect(await look()).toEqual(['written', 'read', 'written'])
    write(2, timeline + 1)
    expect(await look(), 'versions of another timeline are others').toEqual(['read', 'read', 'read'])
  } finally {
    await session.close()
  }
  expect(
    written.find({ timeline: timeline + 1, version: 2 }),
    'nothing is kept for a session that ended',
  ).toBe(undefined)
})
