/**
 * What an answer of statistics takes for links with 10^3, 10^6 and 10^8 clicks. Their rollups are generated, as dense
 * as clicks could have made them: the one with 10^8 has a row for every minute, hour and day that is kept.
 */
import { clicksPartitionCountDefault } from '@linkfleet/contracts/clicks'
import type pg from 'pg'
import type { AnalyticsFixture, Part } from './analytics.ts'
import { runClosedLoad } from './closed-load.ts'
import { getRequest } from './http-connections.ts'
import type { Percentiles } from './latency.ts'
import { formatNumber, ratioOf } from './report.ts'

const sizes = [1_000, 1_000_000, 100_000_000] as const
const intervals = ['day', 'hour', 'minute'] as const
/** As long as each grain is kept by default; days are kept for ever. */
const keptDays = { minute: 35, hour: 400, day: 3 * 365 } as const
const grainSeconds = { minute: 60, hour: 3_600, day: 86_400 } as const
const traitValues = 20
const targetMsP99 = 50
const warmUpSeconds = 2

interface Answered {
  readonly clicks: number
  readonly interval: string
  readonly failed: number
  readonly latency: Percentiles
}

export async function measureStatistics(fixture: AnalyticsFixture): Promise<Part> {
  const { stage, codes } = fixture
  const { options, say, signal, engines } = stage
  const database = await engines.openDatabase()
  const client = await stage.openClient(database)
  say(
    `generating rollups: ${sizes.map((size) => formatNumber(size)).join(', ')} clicks, and of ${formatNumber(codes.length)} other links`,
  )
  for (const clicks of sizes) await generateRollups(client, codeOf(clicks), clicks)
  await generateOthers(client, codes)
  await client.query('VACUUM (ANALYZE) clicks.totals, clicks.series, clicks.trait_packs')
  await client.query('CHECKPOINT')
  const topic = await engines.openTopic('clicks', clicksPartitionCountDefault)
  const analytics = await fixture.startAnalytics(database, topic)
  const seconds = Math.max(0.5, options.seconds / (sizes.length * intervals.length))
  const load = { port: analytics.port, connections: 1, status: 200, signal }
  const all = intervals.flatMap((interval) => sizes.map((clicks) => requestOf(clicks, interval)))
  let turn = 0
  // The first ones would pay for compiling and for filling the caches of Postgres.
  await runClosedLoad({ ...load, seconds: warmUpSeconds, nextRequest: () => all[turn++ % all.length] })
  const answered: Answered[] = []
  for (const interval of intervals) {
    for (const clicks of sizes) {
      say(`statistics of ${formatNumber(clicks)} clicks by ${interval}`)
      const request = requestOf(clicks, interval)
      const { failed, latency } = await runClosedLoad({ ...load, seconds, nextRequest: () => request })
      answered.push({ clicks, interval, failed, latency })
    }
  }
  const totals = await Promise.all(sizes.map((clicks) => readTotal(analytics.url, clicks)))
  await analytics.stop()
  const worst = Math.max(...answered.map(({ latency }) => latency.p99Ms))
  return {
    notes: [
      `Statistics: one after the other over one connection; rollups are generated, not counted; ${formatNumber(codes.length)} other links have rows too.`,
    ],
    tables: [
      {
        title: 'Statistics of one link, in ms',
        columns: [
          { key: 'interval', title: 'interval' },
          { key: 'clicks', title: 'clicks' },
          { key: 'count', title: 'answers' },
          { key: 'p50Ms', title: 'p50', digits: 2 },
          { key: 'p99Ms', title: 'p99', digits: 2 },
          { key: 'ratio', title: 'p50 of that with 1,000', digits: 2 },
        ],
        rows: answered.map(({ interval, clicks, latency }) => ({
          interval,
          clicks,
          ...latency,
          ratio: ratioOf(latency.p50Ms, leastOf(answered, interval)),
        })),
      },
    ],
    checks: [
      {
        what: 'statistics are answered, with the total that was generated',
        passed:
          answered.every(({ failed, latency }) => failed === 0 && latency.count > 0) &&
          sizes.every((size, index) => totals[index] === size),
        found: totals.map((total) => formatNumber(total)).join(', '),
      },
    ],
    targets: [{ what: 'statistics in ms, worst p99', atMost: targetMsP99, measured: worst }],
  }
}

const codeOf = (clicks: number) => `clicks-${clicks}`
const requestOf = (clicks: number, interval: string) =>
  getRequest(`/api/v1/links/${codeOf(clicks)}/stats?interval=${interval}`)

function leastOf(answered: readonly Answered[], interval: string): number {
  return answered.find((one) => one.interval === interval && one.clicks === sizes[0])?.latency.p50Ms ?? 0
}

async function readTotal(url: string, clicks: number): Promise<number> {
  const response = await fetch(`${url}/api/v1/links/${codeOf(clicks)}/stats`, {
    signal: AbortSignal.timeout(10_000),
  })
  return ((await response.json()) as { total: number }).total
}

/** Clicks spread evenly over the time of each grain, at most one row for each of its intervals. */
async function generateRollups(client: pg.Client, code: string, clicks: number): Promise<void> {
  await client.query(
    `INSERT INTO clicks.totals (domain_id, code, humans, bots, orphans, first_click_at, last_click_at)
      VALUES (1, $1, $2::bigint - $2::bigint / 10, $2::bigint / 10, 0, now() - interval '3 years', now())`,
    [code, clicks],
  )
  for (const [grain, days] of Object.entries(keptDays) as [keyof typeof keptDays, number][]) {
    const seconds = grainSeconds[grain]
    const rows = Math.min(clicks, Math.floor((days * 86_400) / seconds))
    const each = Math.ceil(clicks / rows)
    // Few clicks leave gaps between their rows, as they would.
    const step = Math.max(1, Math.floor((days * 86_400) / seconds / rows))
    await client.query(
      `INSERT INTO clicks.series (domain_id, code, grain_seconds, start_at, humans, bots)
        SELECT 1, $1, $2::int, to_timestamp(floor(extract(epoch FROM now()) / $2::int) * $2::int - row::bigint * $3::int * $2::int),
          $4::bigint, 0 FROM generate_series(0, $5::int - 1) AS row`,
      [code, seconds, step, each, rows],
    )
  }
  await client.query(
    `INSERT INTO clicks.trait_packs (domain_id, code, day, names, humans, bots)
      SELECT 1, $1, (now() AT TIME ZONE 'UTC')::date - day, names, humans, bots
      FROM generate_series(0, $3::int - 1) AS day, (
        SELECT string_agg(chr(64 + trait) || 'value-' || value, E'\n') AS names,
          string_agg($2::bigint::text, ',') AS humans, string_agg('0', ',') AS bots
        FROM generate_series(1, 6) AS trait, generate_series(1, $4::int) AS value) AS pack`,
    [code, Math.ceil(clicks / keptDays.day), Math.min(keptDays.day, clicks), traitValues],
  )
}

/** What stands around them in the indexes: a total and a day of every other link. */
async function generateOthers(client: pg.Client, codes: readonly string[]): Promise<void> {
  await client.query(
    `INSERT INTO clicks.totals (domain_id, code, humans, bots, orphans, first_click_at, last_click_at)
      SELECT 1, code, 100, 5, 0, now(), now() FROM unnest($1::text[]) AS code`,
    [codes],
  )
  await client.query(
    `INSERT INTO clicks.series (domain_id, code, grain_seconds, start_at, humans, bots)
      SELECT 1, code, 86400, date_trunc('day', now(), 'UTC'), 100, 5 FROM unnest($1::text[]) AS code`,
    [codes],
  )
}
