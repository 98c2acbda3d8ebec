import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InsertOutcome, Placed } from '../ports.ts'
import { findReusable, reuseLinks, toValues } from './reuse-links-pg.ts'

let database: TestDatabase
let pool: Pool
const targetUrl = 'https://example.com/campaign'

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 2, statementTimeoutMs: 20_000 })
  await pool.query({
    text: `INSERT INTO links.links (code, version, created_version, target_url, redirect_status, expires_at, created_by,
        created_at, updated_at)
      SELECT 'c' || n, n, n, $1, CASE WHEN n % 2 = 0 THEN 301 ELSE 302 END, CASE WHEN n > 2 THEN now() + interval '1 day' END,
        'test', now(), now()
      FROM generate_series(1, 10000) AS n`,
    values: [targetUrl],
  })
  await pool.query('ANALYZE links.links')
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

function placed(redirectStatus: number): Placed {
  const link = {
    alias: null,
    targetUrl,
    title: null,
    tags: [],
    password: null,
    reuse: 'any',
    createdBy: 'test',
    redirectStatus,
    forwardQuery: false,
    startsAtMs: null,
    expiresAtMs: null,
    maxClicks: null,
  } as const
  return { item: { link, code: null, passwordVerifier: null, idempotency: null }, position: 0 }
}

describe('a link to reuse', () => {
  it.each([
    [301, 'c2'],
    [302, 'c1'],
  ])('(%d) is found behind ten thousand others to its URL', async (redirectStatus, code) => {
    const outcomes: (InsertOutcome | undefined)[] = [undefined]
    await pool.transaction(
      async (transaction) => await reuseLinks(transaction, [placed(redirectStatus)], outcomes),
    )
    expect(outcomes).toMatchObject([{ kind: 'reused', link: { code } }])
  })

  it('is looked for by the index that knows what visitors see, so that the others are not read', async () => {
    const { rows } = await pool.query({
      text: `EXPLAIN (ANALYZE, FORMAT JSON) ${findReusable.text}`,
      values: toValues([placed(302)]),
    })
    const plan = JSON.stringify(rows)
    expect(plan).toContain('links_by_url_and_options')
    const read = [...plan.matchAll(/"(?:Actual Rows|Rows Removed by Filter)":\s*(\d+)/g)].map(([, count]) =>
      Number(count),
    )
    expect(Math.max(...read)).toBeLessThan(10)
  })

  it('has the only index of URLs: each create writes to all there are', async () => {
    const { rows } = await pool.query(
      "SELECT indexname FROM pg_indexes WHERE schemaname = 'links' AND indexdef LIKE '%target_url%'",
    )
    expect(rows).toEqual([{ indexname: 'links_by_url_and_options' }])
  })
})
