/** The parts of every answer and of every export add up to its totals, over random clicks of many links. */
import { type ClickFields, ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { listen } from '@linkfleet/runtime/http'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { openPool } from '@linkfleet/runtime/postgres'
import { testDatabase } from '@linkfleet/testkit/engines'
import { testSeed } from '@linkfleet/testkit/seed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openClickStorePg } from './adapters/rollups/click-store-pg.ts'
import { startLiveFeed } from './adapters/statistics/live-feed.ts'
import { openExportReaderPg } from './adapters/statistics/stats-export-pg.ts'
import { openStatsReaderPg } from './adapters/statistics/stats-reader-pg.ts'
import { createUserAgentClassifier } from './adapters/user-agents.ts'
import { readRecords } from './domain/batch-plan.ts'
import { createEvents } from './events.ts'
import { createStatsServer } from './http/server.ts'
import { chrome, click, googlebot, message, producerId, record } from './testing/clicks.ts'

const nowMs = Date.UTC(2026, 10, 2, 12)
const codes = ['=cmd', ...Array.from({ length: 1_200 }, (_none, index) => `c${index}`)]
const hostile = '=HYPERLINK("http://x.example","a,b")'

let resources: AsyncDisposableStack
let url: string
const clicks: ClickFields[] = []

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  const database = resources.use(await testDatabase())
  const log = silentLogger()
  const events = createEvents(log, new Metrics('analytics'))
  const timeouts = { statementTimeoutMs: 10_000, connectTimeoutMs: 2_000 }
  const primary = resources.use(
    openPool({ url: database.url, name: 'test', maxConnections: 4, ...timeouts, log }),
  )
  const now = () => nowMs
  const store = openClickStorePg({ pool: primary, classify: createUserAgentClassifier(), now })
  makeClicks()
  const batches = Array.from({ length: clicks.length / 500 }, (_none, index) =>
    clicks.slice(index * 500, index * 500 + 500),
  )
  const records = batches.map((batch, offset) => record(offset, message(producerId(1), batch), nowMs))
  await store.begin(0, 0)
  expect((await store.apply(0, 0, readRecords(records, nowMs))).kind).toBe('applied')
  await store.noteProgress(new Map([[0, nowMs]]), 1)
  const read = { replicas: [], primary, events, now }
  const stats = openStatsReaderPg(read)
  const api = {
    stats,
    exports: openExportReaderPg(read),
    live: resources.use(startLiveFeed({ stats, streamsMax: 1, streamsPerCallerMax: 1 })),
    links: { isKnown: async ({ code }: { code: string }) => code !== 'nowhere', mayRead: async () => true },
    authorize: async () => {},
    retention: { minuteDays: 35, hourDays: 400 },
    defaultDomain: 'go.example',
    now,
  }
  const server = await createStatsServer(api, log, new Metrics('analytics'))
  url = resources.use(await listen(server, '127.0.0.1', 0)).url
})

afterAll(async () => {
  await resources.disposeAsync()
})

/** Park and Miller's generator. Half of the clicks are of one link, with thousands of different values. */
function makeClicks(): void {
  let state = testSeed
  const below = (limit: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
  const either = (...values: readonly string[]) => values[below(values.length)] ?? ''
  for (let sequence = 1; sequence <= 6_000; sequence++) {
    const isOrphan = below(20) === 0
    clicks.push(
      click({
        sequence,
        code: below(2) === 0 ? '=cmd' : (codes[below(codes.length)] ?? ''),
        atMs: nowMs - below(5 * 86_400_000),
        userAgent: either(chrome, googlebot, ''),
        country: either('', 'DE', 'AT', 'JP'),
        referrerHost: below(3) === 0 ? '' : `site${below(3_000)}.example`,
        language: either('', 'de', 'en'),
        utm: {
          source: either('', hostile, 'news'),
          medium: '',
          campaign: either('a', 'b'),
          term: '',
          content: '',
        },
        ...(isOrphan ? { kind: ClickKind.ORPHAN, orphanReason: OrphanReason.EXPIRED } : {}),
      }),
    )
  }
}

const counted = (code?: string) =>
  clicks.filter((one) => one.kind === ClickKind.REDIRECT && (code === undefined || one.code === code)).length

// biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of many shapes
type Any = any

const get = async (path: string) => await fetch(url + path, { signal: AbortSignal.timeout(20_000) })
const json = async (path: string): Promise<Any> => await (await get(path)).json()
const rowsOf = async (path: string): Promise<Any[]> =>
  (await (await get(path)).text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const sum = (rows: readonly Any[], of: string): number => rows.reduce((total, row) => total + row[of], 0)

const sumOfReasons = ({ orphansByReason }: Any): number =>
  Object.values<number>(orphansByReason).reduce((a, b) => a + b, 0)

const range = 'from=2026-10-20&to=2026-11-03'
const lists = ['countries', 'regions', 'cities', 'referrers', 'browsers', 'operatingSystems', 'devices']
const furtherLists = ['languages', 'utmSources', 'utmMediums', 'utmCampaigns', 'utmTerms', 'utmContents']

describe('the parts add up', () => {
  it.each(['=cmd', 'c1', 'c2', 'c3'])('in the statistics of %s', async (code) => {
    for (const query of [`interval=hour&${range}`, `interval=day&timezone=Asia/Kolkata&${range}`]) {
      const stats = await json(`/api/v1/links/${encodeURIComponent(code)}/stats?${query}`)
      expect(stats.total).toBe(counted(code))
      expect(stats.humans + stats.bots).toBe(stats.total)
      expect([stats.clicks, sum(stats.series, 'clicks')]).toEqual([stats.total, stats.total])
      expect(sum(stats.series, 'humans')).toBe(stats.humans)
      expect(stats.days.clicks).toBe(stats.total)
      for (const list of [...lists, ...furtherLists]) {
        expect([list, sum(stats[list], 'clicks')]).toEqual([list, stats.total])
      }
      expect(sumOfReasons(stats)).toBe(stats.orphans)
    }
  })

  it('in those of the fleet', async () => {
    const stats = await json(`/api/v1/stats/summary?${range}`)
    expect([stats.total, sum(stats.series, 'clicks')]).toEqual([counted(), counted()])
    expect(stats.orphans).toBe(clicks.length - counted())
    expect(sumOfReasons(stats)).toBe(stats.orphans)
    const ofTwoDays = await json(
      '/api/v1/stats/summary?interval=hour&from=2026-10-30T12:00Z&to=2026-10-31T12:00Z',
    )
    const inTwoDays = clicks.filter(
      ({ kind, atMs }) =>
        kind === ClickKind.ORPHAN && atMs >= Date.UTC(2026, 9, 30) && atMs < Date.UTC(2026, 10, 1),
    )
    expect([ofTwoDays.orphans, sumOfReasons(ofTwoDays)]).toEqual([inTwoDays.length, inTwoDays.length])
    expect(ofTwoDays.orphans).toBeLessThan(stats.orphans)
  })

  it('in the export of a link, with every value that has a number of its own', async () => {
    const path = `/api/v1/links/${encodeURIComponent('=cmd')}/stats/export?format=ndjson&interval=hour&${range}`
    const rows = await rowsOf(path)
    const total = counted('=cmd')
    expect(
      sum(
        rows.filter(({ record: kind }) => kind === 'interval'),
        'clicks',
      ),
    ).toBe(total)
    const ofDays = rows.filter(({ record: kind }) => kind === 'day')
    const dimensions = new Set(ofDays.map(({ dimension }) => dimension))
    expect(dimensions.size).toBe(13)
    for (const name of dimensions) {
      const ofDimension = ofDays.filter(({ dimension }) => dimension === name)
      expect([name, sum(ofDimension, 'clicks')]).toEqual([name, total])
      expect(ofDimension.every((row) => row.humans + row.bots === row.clicks && row.humans >= 0)).toBe(true)
    }
    const referrers = ofDays.filter((row) => row.dimension === 'referrer' && row.name !== null)
    const sent = clicks.filter((one) => one.code === '=cmd' && one.kind === ClickKind.REDIRECT)
    expect(sum(referrers, 'clicks')).toBe(sent.filter((one) => one.referrerHost !== '').length)
  })

  it('in the export of the fleet, which has each link once', async () => {
    const rows = await rowsOf(`/api/v1/stats/export?format=ndjson&${range}`)
    expect(sum(rows, 'clicks')).toBe(counted())
    expect(sum(rows, 'total')).toBe(counted())
    expect(new Set(rows.map(({ code }) => code)).size).toBe(rows.length)
    expect(rows.length).toBeGreaterThan(500)
    expect(await (await get('/api/v1/stats/export?format=ndjson&from=2026-01-01&to=2026-01-02')).text()).toBe(
      '',
    )
  })
})

describe('an export', () => {
  it('is a file whose texts are no formulas', async () => {
    const answer = await get(`/api/v1/links/${encodeURIComponent('=cmd')}/stats/export?${range}`)
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(answer.headers.get('content-disposition')).toBe(
      'attachment; filename="_cmd-clicks-2026-10-20-2026-11-02.csv"',
    )
    const lines = (await answer.text()).split('\r\n')
    expect(lines[0]).toBe('record,start,dimension,name,clicks,humans,bots')
    expect(lines.some((line) => line.includes(`"'=HYPERLINK(""http://x.example"",""a,b"")"`))).toBe(true)
    const fleet = await (await get(`/api/v1/stats/export?${range}`)).text()
    expect(fleet.split('\r\n').some((line) => line.startsWith("'=cmd,go.example,"))).toBe(true)
  })

  it.each([
    ['format', 400, '/api/v1/links/c1/stats/export?format=xlsx'],
    ['from', 400, '/api/v1/links/c1/stats/export?from=2024-01-01&to=2026-01-01'],
    ['from', 400, '/api/v1/stats/export?from=2024-01-01&to=2026-01-01'],
    ['from', 400, '/api/v1/stats/export?from=2001-01-01'],
    ['from', 400, '/api/v1/stats/top?from=2001-01-01'],
    ['interval', 400, '/api/v1/links/c1/stats/export?interval=second'],
    ['interval', 400, '/api/v1/stats/export?interval=hour'],
    ['code', 404, '/api/v1/links/nowhere/stats/export'],
    ['domain', 404, '/api/v1/links/c1/stats/export?domain=else.example'],
  ])('names the field %s with %i in %s', async (field, status, path) => {
    const answer = await get(path)
    expect([answer.status, await answer.json()]).toMatchObject([status, { field }])
  })
})
