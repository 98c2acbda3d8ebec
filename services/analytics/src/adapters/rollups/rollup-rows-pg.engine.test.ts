/** Batches of random clicks against a plain model: what is held after each is what counting one by one gives. */
import { createHash } from 'node:crypto'
import { type ClickFields, ClickKind } from '@linkfleet/contracts/clicks'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import { readRecentClicks, recentClicksMax } from '../../domain/recent-clicks.ts'
import { sketchBytesMax } from '../../domain/visitor-sketch.ts'
import type { ClickStore } from '../../ports.ts'
import { chrome, click, googlebot, message, noon, producerId, record } from '../../testing/clicks.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openClickStorePg } from './click-store-pg.ts'
import { pruneOnce } from './pruner-pg.ts'
import { topLinksMax } from './series-rows-pg.ts'

const dayMs = 86_400_000
const nowMs = noon + 2 * dayMs
const batchClicksMax = 2_000
let database: TestDatabase
let pool: Pool
let store: ClickStore

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, {
    maxConnections: 4,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2_000,
  })
  store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now: () => nowMs })
})

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Applies the clicks in batches, one record each. */
async function apply(partition: number, clicks: readonly Partial<ClickFields>[]): Promise<void> {
  await store.begin(partition, 0)
  for (let first = 0; first < clicks.length; first += batchClicksMax) {
    const from = (await store.position(partition))?.nextOffset ?? 0
    const part = clicks
      .slice(first, first + batchClicksMax)
      .map((fields, index) => click({ ...fields, sequence: from * batchClicksMax + index + 1 }))
    const records = [record(from, message(producerId(partition), part))]
    const outcome = await store.apply(partition, from, readRecords(records, nowMs))
    expect(outcome.kind).toBe('applied')
  }
}

/** The same pseudonyms each time: a sketch of 2^18 registers holds 300 random ones as 299 in one case of six. */
const visitor = (number: number) => createHash('sha256').update(`visitor ${number}`).digest().subarray(0, 16)

async function visitorsOf(code: string) {
  const { rows } = await pool.query<{ day: string; visitors: number; bytes: number }>({
    text: `SELECT day::text, visitors, octet_length(sketch) AS bytes FROM clicks.visitor_days
      WHERE code = $1 ORDER BY day`,
    values: [code],
  })
  return rows
}

test('visitors are counted once a day and link, however often and in however many batches they come', async () => {
  const people = Array.from({ length: 300 }, (_none, index) => visitor(index))
  const clicks = [noon, noon + dayMs].flatMap((atMs, day) =>
    Array.from({ length: 3_000 }, (_none, index) => ({
      code: 'visited',
      atMs,
      visitor: people[index % (day === 0 ? 300 : 40)],
    })),
  )
  await apply(1, [...clicks, ...clicks])
  expect(await visitorsOf('visited')).toEqual([
    { day: '2026-06-15', visitors: 300, bytes: expect.any(Number) },
    { day: '2026-06-16', visitors: 40, bytes: expect.any(Number) },
  ])
})

test('robots and clicks whose visitor is not known are no visitors', async () => {
  await apply(2, [
    { code: 'unvisited', userAgent: googlebot, visitor: visitor(1) },
    { code: 'unvisited', userAgent: chrome },
    { code: 'unvisited', kind: ClickKind.ORPHAN, orphanReason: 2 },
  ])
  expect(await visitorsOf('unvisited')).toEqual([])
})

test('twenty thousand visitors take no more room than the bound and are counted within it', async () => {
  const clicks = Array.from({ length: 20_000 }, (_none, index) => ({
    code: 'crowded',
    visitor: visitor(index),
  }))
  await apply(3, clicks)
  const [row] = await visitorsOf('crowded')
  expect(row?.bytes).toBeLessThanOrEqual(sketchBytesMax)
  expect(Math.abs((row?.visitors ?? 0) - 20_000)).toBeLessThan(5 * 0.0163 * 20_000)
})

test('the last clicks of a link are kept without what names a person', async () => {
  const clicks = Array.from({ length: 3 * recentClicksMax }, (_none, index) => ({
    code: 'recent',
    atMs: noon + index * 1_000,
    country: 'DE',
    region: 'Hesse',
    city: 'Kassel',
    referrerHost: 'news.example',
    visitor: visitor(index),
    userAgent: index % 2 === 0 ? chrome : googlebot,
  }))
  for (let first = 0; first < clicks.length; first += 7) await apply(4, clicks.slice(first, first + 7))
  const { rows } = await pool.query<{ clicks: string[] }>({
    text: 'SELECT clicks FROM clicks.recent_clicks WHERE code = $1',
    values: ['recent'],
  })
  const recent = readRecentClicks(rows[0]!.clicks)
  expect(recent.map(({ atMs }) => atMs).sort()).toEqual(
    clicks.slice(-recentClicksMax).map(({ atMs }) => atMs),
  )
  expect(recent.find(({ isBot }) => !isBot)).toMatchObject({
    country: 'DE',
    browser: 'Chrome',
    operatingSystem: 'Windows',
    device: 'desktop',
    referrer: 'news.example',
  })
  expect(JSON.stringify(rows)).not.toContain('Kassel')
})

test('orphans of a link are counted by their reason', async () => {
  const orphan = { code: 'lost', kind: ClickKind.ORPHAN }
  await apply(5, [
    { ...orphan, orphanReason: 2 },
    { ...orphan, orphanReason: 3 },
    { ...orphan, orphanReason: 2 },
    // Of codes that nobody has, none is kept.
    { ...orphan, code: 'never', orphanReason: 1 },
  ])
  const { rows } = await pool.query(
    "SELECT code, reason, clicks FROM clicks.link_orphans WHERE code IN ('lost', 'never') ORDER BY reason",
  )
  expect(rows).toEqual([
    { code: 'lost', reason: 2, clicks: 2 },
    { code: 'lost', reason: 3, clicks: 1 },
  ])
})

test('the links with the most clicks of a day are kept, no more of them than the bound', async () => {
  const counts = new Map<string, number>()
  const random = seededRandom(20_260_615)
  for (let turn = 0; turn < 8; turn++) {
    const clicks = Array.from({ length: 1_500 }, () => {
      // Some links are much more popular than others, and which ones changes with the turns.
      const code = `top${(Math.floor(400 * random() ** 3) + turn * 20) % 400}`
      counts.set(code, (counts.get(code) ?? 0) + 1)
      return { code }
    })
    await apply(6, clicks)
    const { rows } = await pool.query<{ code: string; clicks: number }>(
      'SELECT code, clicks FROM clicks.top_days WHERE partition = 6 ORDER BY clicks DESC, code',
    )
    const expected = [...counts.values()].sort((a, b) => b - a).slice(0, topLinksMax)
    expect(rows.map((row) => row.clicks)).toEqual(expected)
    for (const row of rows) expect(row.clicks, row.code).toBe(counts.get(row.code))
  }
})

test('places and campaigns are traits, and a place tells its country', async () => {
  const utm = { source: 'mail', medium: 'email', campaign: 'Spring', term: 'shoes', content: 'top\u0007' }
  await apply(7, [
    { code: 'traits', country: 'DE', region: 'Hesse', city: 'Kassel', utm },
    { code: 'traits', city: 'Nowhere', utm: { ...utm, source: '\u0000' } },
  ])
  const { rows } = await pool.query<{ trait: number; value: string; humans: number }>(
    "SELECT trait, value, humans FROM clicks.trait_counts WHERE code = 'traits' AND trait > 6 ORDER BY trait, value",
  )
  expect(rows.map((row) => [row.trait, row.value, row.humans])).toEqual([
    [7, 'Hesse, DE', 1],
    [8, 'Kassel, DE', 1],
    [8, 'Nowhere', 1],
    [9, 'mail', 1],
    [10, 'email', 2],
    [11, 'Spring', 2],
    [12, 'shoes', 2],
  ])
})

test('recent clicks and lists of links leave when they are old', async () => {
  await apply(8, [{ code: 'old', atMs: noon }])
  const countOf = async (table: string) =>
    (await pool.query({ text: `SELECT 1 FROM clicks.${table} WHERE code = 'old'` })).rowCount
  const retention = { minuteDays: 35, hourDays: 400 }
  await pruneOnce(pool, retention, noon + 90 * dayMs)
  expect([await countOf('recent_clicks'), await countOf('top_days')]).toEqual([1, 1])
  await pruneOnce(pool, retention, noon + 92 * dayMs)
  expect([await countOf('recent_clicks'), await countOf('top_days')]).toEqual([0, 1])
  await pruneOnce(pool, retention, noon + 402 * dayMs)
  expect(await countOf('top_days')).toBe(0)
})
