/**
 * Counts all clicks anew, from the archive and then from Kafka's log, beside the services, and swaps the result in:
 *
 *   npm run analytics -- rebuild [--trial] [--allow-gaps] [--allow-fewer]
 *
 * or this file by itself with DATABASE_URL (of the owner of the tables), KAFKA_BROKERS and the ARCHIVE_ variables of the
 * service in the environment. Exit status 1 when the live counts were left as they are.
 */
import { ConfigError, type ConfigOf, defineConfig, readConfig } from '@linkfleet/runtime/config'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { openArchive } from './adapters/archive/archive.ts'
import { openLogRange } from './adapters/ingest/click-log-range-kafka.ts'
import { rebuildAndSwap } from './adapters/rebuild/rebuild-and-swap.ts'
import { createUserAgentClassifier } from './adapters/user-agents.ts'
import { archiveOptions } from './archive-config.ts'
import { analyticsConfig } from './config.ts'

const { databaseUrl, kafkaBrokers, clicksTopic, minuteRetentionDays, hourRetentionDays } = analyticsConfig
const rebuildConfig = defineConfig({
  databaseUrl,
  kafkaBrokers,
  clicksTopic,
  minuteRetentionDays,
  hourRetentionDays,
  ...archiveOptions,
})
const flags = ['--trial', '--allow-gaps', '--allow-fewer']

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !flags.includes(arg))
  if (unknown !== undefined) {
    console.error(`There is no option "${unknown}". Known: ${flags.join(', ')}.`)
    return 64
  }
  try {
    await run(readConfig(rebuildConfig, process.env), new Set(args))
    return 0
  } catch (error) {
    console.error((error as Error).message)
    return error instanceof ConfigError ? 64 : 1
  }
}

async function run(config: ConfigOf<typeof rebuildConfig>, args: ReadonlySet<string>): Promise<void> {
  const opened = openArchive(config)
  if (opened === undefined) throw new Error('ARCHIVE_URL is not set: it names the archive to count from.')
  const log = silentLogger()
  await using pool = open(config.databaseUrl, 'analytics-rebuild')
  await using shadowPool = open(config.databaseUrl, 'analytics-rebuild-shadow')
  const kafka = openKafka({ brokers: config.kafkaBrokers, clientId: 'analytics-rebuild', log })
  const isTrial = args.has('--trial')
  const result = await rebuildAndSwap({
    pool,
    shadowPool,
    source: { database: pool, ...opened },
    log: openLogRange(kafka, config.clicksTopic),
    classify: createUserAgentClassifier(),
    retention: { minuteDays: config.minuteRetentionDays, hourDays: config.hourRetentionDays },
    allowGaps: args.has('--allow-gaps'),
    allowFewer: args.has('--allow-fewer'),
    isTrial,
    now: () => Date.now(),
    say: (sentence) => console.log(sentence),
  })
  console.log(`${result.clicks} clicks and orphan clicks are counted anew; there were ${result.liveClicks}`)
  console.log(
    result.isSwapped
      ? 'the new counts are the live ones now'
      : 'this was a trial: the live counts are as they were, the new ones are in the schema clicks_rebuild',
  )
}

function open(url: string, name: string): Pool {
  return openPool({
    url,
    name,
    maxConnections: 4,
    // A day's pruning of a large table, or the wait for readers of tables that are dropped.
    statementTimeoutMs: 120_000,
    connectTimeoutMs: 5_000,
    log: silentLogger(),
  })
}
