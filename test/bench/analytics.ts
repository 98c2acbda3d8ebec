/** Clicks into rollups, how fresh they are, and what statistics cost by the number of clicks behind them. */
import { clicksPartitionCountDefault } from '@linkfleet/contracts/clicks'
import { measureFreshness } from './analytics-freshness.ts'
import { measureIngest } from './analytics-ingest.ts'
import { measureStatistics } from './analytics-statistics.ts'
import type { BenchDatabase } from './engines.ts'
import { generateLinks, readCodes } from './generated-links.ts'
import { BenchUsageError } from './options.ts'
import type { Report } from './report.ts'
import type { ServiceProcess } from './service-process.ts'
import { type BenchContext, commonEnv, openStage, type Stage } from './stage.ts'

const linksDefault = 10_000

/** Results of one part, to be put together. */
export type Part = Pick<Report, 'notes' | 'tables' | 'checks' | 'targets'>

export interface AnalyticsFixture {
  readonly stage: Stage
  /** Holds the links; clicks of the parts that share it. */
  readonly database: BenchDatabase
  readonly shortener: ServiceProcess
  readonly linkChangesTopic: string
  readonly codes: readonly string[]
  /** An analytics process on the measured core, which applies the topic into the database. */
  startAnalytics(database: BenchDatabase, clicksTopic: string): Promise<ServiceProcess>
}

async function openFixture(stage: Stage, links: number): Promise<AnalyticsFixture> {
  const { engines, say, signal } = stage
  const database = await engines.openDatabase()
  const client = await stage.openClient(database)
  await generateLinks({ client, from: 0, count: links, say, signal })
  const codes = await readCodes(client, links)
  const linkChangesTopic = await engines.openTopic('link-changes', 12)
  const env = commonEnv(stage, linkChangesTopic)
  const shortener = await stage.start({
    program: 'shortener',
    core: 'other',
    env: { ...env, DATABASE_URL: database.url, ID_GENERATOR_ADDRESSES: '127.0.0.1:9' },
  })
  return {
    stage,
    database,
    shortener,
    linkChangesTopic,
    codes,
    startAnalytics: (own, clicksTopic) =>
      stage.start({
        program: 'analytics',
        core: 'measured',
        env: {
          ...env,
          DATABASE_URL: own.url,
          DATABASE_REPLICA_URLS: own.replicaUrls.join(','),
          SHORTENER_ADDRESSES: shortener.grpcAddress,
          CLICKS_TOPIC: clicksTopic,
          CLICKS_PARTITIONS: String(clicksPartitionCountDefault),
          CLICKS_GROUP: clicksTopic,
        },
      }),
  }
}

const measurements: Readonly<Record<string, (fixture: AnalyticsFixture) => Promise<Part>>> = {
  totals: async (fixture) => await measureIngest(fixture, 'none'),
  dimensions: async (fixture) => await measureIngest(fixture, 'all'),
  freshness: measureFreshness,
  statistics: measureStatistics,
}

export async function benchAnalytics(context: BenchContext): Promise<Report> {
  const { part } = context.options
  const names = part === undefined ? Object.keys(measurements) : [part]
  const wanted = names.map((name) => {
    const measure = measurements[name]
    if (measure === undefined) {
      throw new BenchUsageError(`--part is one of ${Object.keys(measurements).join(', ')}.`)
    }
    return measure
  })
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 1 })
  const fixture = await openFixture(stage, context.options.links ?? linksDefault)
  const parts: Part[] = []
  for (const measure of wanted) parts.push(await measure(fixture))
  return {
    bench: 'analytics',
    notes: [...stage.notes, ...parts.flatMap(({ notes }) => notes)],
    tables: parts.flatMap(({ tables }) => tables),
    checks: parts.flatMap(({ checks }) => checks),
    targets: parts.flatMap(({ targets }) => targets),
  }
}
