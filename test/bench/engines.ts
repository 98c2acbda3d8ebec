/**
 * The engines of a bench: its own, started for it in a temporary home and gone after it, or, with
 * LINKFLEET_TEST_ENGINES, a set that runs already; of that set it leaves nothing behind either. Whatever else the
 * environment names is not touched: nobody wants a bench in a database that is in use.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EngineName, startEngines } from '@linkfleet/local/engines'
import { ensureTopics, type Kafka, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis } from '@linkfleet/runtime/redis'
import { makeTemplate, runOnce, untilConnectable, withDatabase } from '@linkfleet/testkit/database'
import type { EngineSet } from '@linkfleet/testkit/engine-set'
import { eventually } from '@linkfleet/testkit/eventually'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import type { MeasuredGroup } from './process-times.ts'

export interface BenchDatabase {
  readonly url: string
  readonly replicaUrls: readonly string[]
}

export interface BenchEngines extends AsyncDisposable {
  readonly redisUrl: string
  readonly redisKeyPrefix: string
  readonly kafka: Kafka
  readonly kafkaBrokers: readonly string[]
  /** For CPU times; empty when the engines are not ours. */
  readonly groups: readonly MeasuredGroup[]
  /** For the report. */
  readonly sentence: string
  /** A new database with every migration applied, there on the replicas too. */
  openDatabase(): Promise<BenchDatabase>
  openTopic(name: string, partitions: number): Promise<string>
}

export interface BenchEnginesOptions {
  readonly home: string
  readonly which: readonly EngineName[]
  readonly replicas: number
  readonly say: (sentence: string) => void
  readonly signal: AbortSignal
}

interface Found extends Omit<EngineSet, 'templateDatabase'> {
  readonly isOwn: boolean
  readonly groups: readonly MeasuredGroup[]
  readonly sentence: string
}

export async function openBenchEngines(options: BenchEnginesOptions): Promise<BenchEngines> {
  await using resources = new AsyncDisposableStack()
  const found = (await readRunningSet()) ?? (await startOwn(options, resources))
  const kafka = openKafka({ brokers: found.kafkaBrokers, clientId: 'bench', log: silentLogger() })
  const redisKeyPrefix = `${uniqueName('bench')}:`
  const running = resources.move()
  // Engines of our own go with all they hold.
  const later = (tidy: () => Promise<void>) => {
    if (!found.isOwn) running.defer(tidy)
  }
  later(() => unlinkKeys(found.redisUrl, redisKeyPrefix))
  return {
    ...found,
    kafka,
    redisKeyPrefix,
    async openDatabase() {
      const name = await makeTemplate(found.databaseUrl)
      later(() => runOnce(found.databaseUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
      const replicaUrls = found.databaseReplicaUrls.map((url) => withDatabase(url, name))
      await Promise.all(replicaUrls.map(untilConnectable))
      return { url: withDatabase(found.databaseUrl, name), replicaUrls }
    },
    async openTopic(name, partitions) {
      const topic = uniqueName(name)
      // A broker that has just made a topic may say for a moment that it does not host it.
      await eventually(() => ensureTopics(kafka, [{ topic, partitions }]).then(() => true))
      later(() => deleteTopic(kafka, topic))
      return topic
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function readRunningSet(): Promise<Found | undefined> {
  const file = process.env.LINKFLEET_TEST_ENGINES ?? ''
  if (file === '') return undefined
  const set = JSON.parse(await readFile(file, 'utf8')) as Omit<EngineSet, 'templateDatabase'>
  const sentence =
    'The engines ran already (LINKFLEET_TEST_ENGINES): they are not pinned, and their CPU is not known.'
  return { ...set, isOwn: false, groups: [], sentence }
}

async function startOwn(options: BenchEnginesOptions, resources: AsyncDisposableStack): Promise<Found> {
  options.say('starting engines')
  const engines = resources.use(
    await startEngines({
      home: join(options.home, 'engines'),
      ports: 'free',
      which: [...options.which],
      replicas: options.replicas,
      env: {},
      log: options.say,
      signal: options.signal,
    }),
  )
  const { databaseUrl, databaseReplicaUrls, kafkaBrokers } = engines
  const versions = engines.rows.map(({ name, version }) => `${name} ${version}`).join(', ')
  return {
    isOwn: true,
    databaseUrl,
    databaseReplicaUrls,
    redisUrl: options.which.includes('redis') ? engines.redisUrl : '',
    kafkaBrokers,
    sentence: `Engines of its own: ${versions}; ${options.replicas} replica${options.replicas === 1 ? '' : 's'}.`,
    groups: engines.engines.map(({ name, pid }) => ({ name, pids: [pid], withDescendants: true })),
  }
}

async function deleteTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await admin.deleteTopics({ topics: [topic] })
  } finally {
    await admin.disconnect()
  }
}

async function unlinkKeys(url: string, prefix: string): Promise<void> {
  await using redis = openRedis({ url, name: 'bench', commandTimeoutMs: 10_000, log: silentLogger() })
  await eventually(() => redis.client.ping())
  let cursor = '0'
  do {
    const [next, keys] = await redis.client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000)
    if (keys.length > 0) await redis.client.unlink(...keys)
    cursor = next
  } while (cursor !== '0')
}
