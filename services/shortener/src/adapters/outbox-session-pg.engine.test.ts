import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { expect, it } from 'vitest'
import { openTestFleet } from '../testing/start.ts'

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
