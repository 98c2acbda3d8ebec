import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewLink } from '../domain/link.ts'
import type { InsertOutcome, Placed } from '../ports.ts'
import { toMoment } from './link-row-pg.ts'
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

function placed(redirectStatus: number, options: Partial<NewLink> = {}): Placed {
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
    ...options,
  } as const
  return { item: { link, code: null, passwordVerifier: null, idempotency: null }, position: 0 }
}

async function reuse(wanted: Placed): Promise<InsertOutcome | undefined> {
  const outcomes: (InsertOutcome | undefined)[] = [undefined]
  await pool.transaction(async (transaction) => await reuseLinks(transaction, [wanted], outcomes))
  return outcomes[0]
}

describe('a link to reuse', () => {
  it.each([
    [301, 'c2'],
    [302, 'c1'],
  ])('(%d) is found behind ten thousand others to its URL', async (redirectStatus, code) => {
    expect(await reuse(placed(redirectStatus))).toMatchObject({ kind: 'reused', link: { code } })
  })

  it('is looked for by the index that knows what visitors see, so that the others are not read', async () => {
    const { rows } = await pool.query({
      text: `EXPLAIN (ANALYZE, FORMAT JSON) ${findReusable.text}`,
      values: toValues([placed(302)]),
    })
    const plan = JSON.stringify(rows)
    expect(plan).toContain('links_to_reuse')
    const read = [...plan.matchAll(/"(?:Actual Rows|Rows Removed by Filter)":\s*(\d+)/g)].map(([, count]) =>
      Number(count),
    )
    expect(Math.max(...read)).toBeLessThan(10)
  })

  it.each([
    ['with the usual options', {}],
    [
      'with all others',
      {
        redirectStatus: 307,
        forwardQuery: true,
        startsAtMs: 1_900_000_000_001,
        expiresAtMs: 1_900_000_000_999,
      },
    ],
    ['that expires before 1970', { expiresAtMs: -1 }],
    [
      'whose URL has what text of bytes is written with',
      { targetUrl: String.raw`https://example.com/?\x41\\101&é=ß` },
    ],
  ])('%s is found by the hash that both sides make of it', async (what, options) => {
    const code = `hash-${what.length}`
    const wanted = placed(302, { targetUrl: `https://example.com/${code}`, ...options })
    const { targetUrl: url, redirectStatus, forwardQuery, startsAtMs, expiresAtMs } = wanted.item.link
    await pool.query({
      text: `INSERT INTO links.links (code, version, created_version, target_url, redirect_status, forward_query, starts_at,
          expires_at, created_by, created_at, updated_at) VALUES ($1, 20000, 20000, $2, $3, $4, $5, $6, 'test', now(), now())`,
      values: [code, url, redirectStatus, forwardQuery, toMoment(startsAtMs), toMoment(expiresAtMs)],
    })
    expect(await reuse(wanted)).toMatchObject({ kind: 'reused', link: { code } })
  })

  it('is found in whatever part of the index it is, the newest first', async () => {
    const url = 'https://example.com/parts'
    const part = 2 ** 21
    const versions = [part - 1, part, 3 * part]
    const expectations = versions.map((version) => ({ version, code: `part-${version}` }))
    for (const { version, code } of expectations) {
      await pool.query({
        text: `INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at, updated_at)
          VALUES ($1, $2, $2, $3, 'test', now(), now())`,
        values: [code, version, url],
      })
      expect(await reuse(placed(302, { targetUrl: url }))).toMatchObject({ link: { code } })
    }
    for (const { code } of expectations.toReversed()) {
      expect(await reuse(placed(302, { targetUrl: url }))).toMatchObject({ link: { code } })
      await pool.query({ text: 'UPDATE links.links SET state = 2 WHERE code = $1', values: [code] })
    }
    expect(await reuse(placed(302, { targetUrl: url }))).toBeUndefined()
  })

  it('has the only index of URLs: each create writes to all there are', async () => {
    const { rows } = await pool.query(
      "SELECT indexname FROM pg_indexes WHERE schemaname = 'links' AND indexdef LIKE '%target_url%'",
    )
    expect(rows).toEqual([{ indexname: 'links_to_reuse' }])
  })
})
