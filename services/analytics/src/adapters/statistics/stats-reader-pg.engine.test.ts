/** Answers against a plain model: random clicks of two months around a change of the clocks, counted one by one. */
import { type ClickFields, ClickKind } from '@linkfleet/contracts/clicks'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import { filteredAnswer, fleetAnswer, linkAnswer } from '../../domain/statistics/stats-answer.ts'
import { judgeRange, type RangeQuestion, type StatsRange } from '../../domain/statistics/stats-range.ts'
import { createEvents } from '../../events.ts'
import type { StatsReader } from '../../ports.ts'
import { chrome, click, googlebot, message, producerId, record } from '../../testing/clicks.ts'
import { openClickStorePg } from '../rollups/click-store-pg.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openStatsReaderPg } from './stats-reader-pg.ts'

const hourMs = 3_600_000
const firstMs = Date.UTC(2026, 9, 1)
const nowMs = Date.UTC(2026, 10, 2)
const retention = { minuteDays: 35, hourDays: 400 }
const key = { domainId: 1, code: 'counted' }
const seed = 20_261_025

let database: TestDatabase
let pool: Pool
let reader: StatsReader
const clicks: ClickFields[] = []

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, {
    maxConnections: 4,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2_000,
  })
  const store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now: () => nowMs })
  const events = createEvents(silentLogger(), new Metrics('analytics'))
  reader = openStatsReaderPg({ replicas: [], primary: pool, events, now: () => nowMs })
  makeClicks()
  const records = [record(0, message(producerId(1), clicks), nowMs)]
  await store.begin(0, 0)
  expect((await store.apply(0, 0, readRecords(records, nowMs))).kind).toBe('applied')
})

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Park and Miller's generator: the same clicks at every run. */
function makeClicks(): void {
  let state = seed
  const below = (limit: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!
  for (let sequence = 1; sequence <= 3_000; sequence++) {
    clicks.push(
      click({
        sequence,
        code: key.code,
        atMs: firstMs + below(nowMs - firstMs),
        kind: below(20) === 0 ? ClickKind.ORPHAN : ClickKind.REDIRECT,
        orphanReason: 0,
        userAgent: one([chrome, chrome, googlebot]),
        visitor: below(10) === 0 ? undefined : Buffer.alloc(16, below(200)),
        country: one(['DE', 'AT', '', 'x']),
        region: one(['Hesse', '']),
        city: one(['Kassel', 'Fulda', '']),
        referrerHost: one(['a.example', 'b.example', '']),
        language: one(['de-DE', 'en', '']),
        utm: one([
          undefined,
          { source: 'mail', medium: '', campaign: one(['x', 'y']), term: '', content: '' },
        ]),
      }),
    )
  }
  for (const orphan of clicks.filter(({ kind }) => kind === ClickKind.ORPHAN)) {
    Object.assign(orphan, { orphanReason: 2 + (orphan.sequence % 2) })
  }
}

const counted = () => clicks.filter(({ kind }) => kind === ClickKind.REDIRECT)
const within = (fromMs: number, toMs: number) =>
  counted().filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length

function rangeOf(question: RangeQuestion): StatsRange {
  const judged = judgeRange(question, retention, nowMs)
  if (judged.kind === 'invalid') throw new Error(judged.detail)
  return judged.range
}

async function answer(question: RangeQuestion) {
  const range = rangeOf(question)
  return { range, body: linkAnswer(key.code, range, await reader.link(key, range)) }
}

const october = { from: '2026-10-01', to: '2026-11-02' }

test.each([
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
])('days in %s hold the clicks between their own midnights', async (timezone) => {
  const { range, body } = await answer({ from: '2026-10-02', to: '2026-11-01', timezone })
  expect(body.series).toHaveLength(30)
  const bounds = [...range.starts, range.toMs]
  expect(body.series.map((point) => point.clicks)).toEqual(
    range.starts.map((startMs, index) => within(startMs, bounds[index + 1]!)),
  )
  expect(body.clicks).toBe(within(range.fromMs, range.toMs))
  const fleet = fleetAnswer(range, await reader.fleet(range))
  expect(fleet.series).toEqual(body.series)
})

test('the day on which the clocks go back has 25 hours', async () => {
  const { range, body } = await answer({
    from: '2026-10-25',
    to: '2026-10-26',
    timezone: 'Europe/Berlin',
  })
  expect(range.toMs - range.fromMs).toBe(25 * hourMs)
  expect(body.series).toMatchObject([
    { start: '2026-10-24T22:00:00.000Z', clicks: within(range.fromMs, range.toMs) },
  ])
})

test('days whose midnight is within an hour are told as far back as minutes are kept, others as hours are', () => {
  const judge = (timezone: string, from: string) =>
    judgeRange({ timezone, from, to: '2026-09-20' }, retention, nowMs)
  expect(judge('Asia/Kolkata', '2026-09-10')).toMatchObject({ kind: 'invalid', field: 'from' })
  expect(judge('Europe/Berlin', '2026-09-10')).toMatchObject({ kind: 'range' })
  expect(judge('Europe/Berlin', '2024-09-10')).toMatchObject({ kind: 'invalid', field: 'from' })
  expect(judge('UTC', '2024-09-10')).toMatchObject({ kind: 'range' })
})

test('the parts of every list add up to the clicks of the days, and those to the series', async () => {
  for (const question of [
    october,
    { from: '2026-10-10T05:00Z', to: '2026-10-12T07:00Z', interval: 'hour' },
  ]) {
    const { body } = await answer(question)
    const lists = Object.entries(body).filter(
      ([name, value]) => Array.isArray(value) && !['series', 'recentClicks'].includes(name),
    )
    expect(lists).toHaveLength(13)
    for (const [name, list] of lists) {
      const sum = (list as { clicks: number }[]).reduce((total, { clicks: part }) => total + part, 0)
      expect(sum, name).toBe(body.days.clicks)
    }
    expect(body.days.clicks).toBe(within(Date.parse(body.days.from), Date.parse(body.days.to)))
    expect(body.days.humans + body.days.bots).toBe(body.days.clicks)
  }
  const { body } = await answer(october)
  expect(body.clicks).toBe(body.days.clicks)
  expect(body.clicks).toBe(body.total)
  expect(body.humans + body.bots).toBe(body.total)
})

test('unique visitors are the people of each day, added up', async () => {
  const { body } = await answer(october)
  const people = new Set(
    counted()
      .filter(({ visitor, userAgent }) => visitor !== undefined && userAgent === chrome)
      .map(({ visitor, atMs }) => `${Math.floor(atMs / 86_400_000)} ${visitor?.[0]}`),
  )
  expect(Math.abs(body.uniqueVisitors - people.size)).toBeLessThanOrEqual(3)
  expect(body.uniqueVisitors).toBeLessThanOrEqual(body.humans)
})

test('orphans are told by their reason', async () => {
  const { body } = await answer(october)
  const of = (reason: number) => clicks.filter(({ orphanReason }) => orphanReason === reason).length
  expect(body.orphansByReason).toMatchObject({ expired: of(2), deleted: of(3), unknown: 0, blocked: 0 })
  expect(body.orphans).toBe(of(2) + of(3))
  const range = rangeOf(october)
  expect(fleetAnswer(range, await reader.fleet(range)).orphansByReason).toEqual(body.orphansByReason)
})

test('the newest clicks are shown, newest first, each without its visitor', async () => {
  const { body } = await answer(october)
  expect(body.recentClicks).toHaveLength(20)
  const moments = body.recentClicks.map(({ at }) => at)
  expect([...moments].sort().reverse()).toEqual(moments)
  expect(Object.keys(body.recentClicks[0]!).sort()).toEqual(
    ['at', 'bot', 'browser', 'country', 'device', 'operatingSystem', 'referrer'].sort(),
  )
})

test('a filter gives the clicks of one value by day', async () => {
  const range = rangeOf(october)
  const filter = { dimension: 'country', value: 'DE' } as const
  const body = filteredAnswer(key.code, range, filter, await reader.filtered(key, range, filter))
  const expected = counted().filter(({ country }) => country === 'DE')
  expect(body.clicks).toBe(expected.length)
  expect(body.series.map((point) => point.clicks)).toEqual(
    range.starts.map(
      (startMs) => expected.filter(({ atMs }) => atMs >= startMs && atMs < startMs + 24 * hourMs).length,
    ),
  )
  const nobody = await reader.filtered({ ...key, code: 'nobody' }, range, filter)
  expect(nobody).toMatchObject({ isKnown: false, series: [] })
})
