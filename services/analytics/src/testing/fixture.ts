/** A topic, a database and consumers of their own for one test. */
import { type Kafka, openKafka, type Producer } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase, testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { type ClickConsumer, startClickConsumer } from '../adapters/ingest/click-consumer-kafka.ts'
import { openClickStorePg } from '../adapters/rollups/click-store-pg.ts'
import { createUserAgentClassifier } from '../adapters/user-agents.ts'
import { createEvents } from '../events.ts'

export interface Fixture extends AsyncDisposable {
  readonly topic: string
  readonly group: string
  readonly partitions: number
  readonly kafka: Kafka
  readonly database: TestDatabase
  readonly pool: Pool
  createTopic(): Promise<void>
  /** Gives back the offset of the first message. */
  send(partition: number, values: readonly (Buffer | null)[]): Promise<number>
  startConsumer(): RunningConsumer
  /** The offset after the last record, by partition. */
  ends(): Promise<number[]>
  /** The sum over all links. */
  counted(): Promise<number>
  /** Resolves when everything in the log is applied, so that what is counted stays what it is. */
  untilDrained(withinMs: number): Promise<void>
}

export interface RunningConsumer extends ClickConsumer {
  /** The value of a metric, summed over its series. */
  metric(name: string): Promise<number>
}

export async function openFixture(partitions: number): Promise<Fixture> {
  await using resources = new AsyncDisposableStack()
  const topic = uniqueName('clicks')
  const group = uniqueName('group')
  const log = silentLogger()
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log })
  const database = resources.use(await testDatabase())
  const pool = resources.use(
    openTestPool(database.url, { maxConnections: 20, statementTimeoutMs: 10_000, connectTimeoutMs: 3_000 }),
  )
  const producer: Producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  resources.defer(async () => await producer.disconnect())
  const admin = kafka.admin()
  await admin.connect()
  resources.defer(async () => await admin.disconnect())
  resources.defer(async () => await admin.deleteTopics({ topics: [topic] }).catch(() => {}))

  async function createTopic(): Promise<void> {
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] })
  }
  await createTopic()
  async function ends(): Promise<number[]> {
    const offsets = await admin.fetchTopicOffsets(topic)
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
  }

  const owned = resources.move()
  return {
    topic,
    group,
    partitions,
    kafka,
    database,
    pool,
    createTopic,
    ends,
    async send(partition, values) {
      const messages = values.map((value) => ({ partition, value }))
      const [result] = await producer.send({ topic, acks: -1, messages })
      return Number(result?.baseOffset)
    },
    startConsumer: () => startTestConsumer({ topic, group, partitions, kafka, pool }),
    async counted() {
      const { rows } = await pool.query<{ clicks: number }>(
        'SELECT coalesce(sum(humans + bots), 0)::bigint AS clicks FROM clicks.totals',
      )
      return rows[0]?.clicks ?? 0
    },
    async untilDrained(withinMs) {
      const end = await ends()
      await eventually(
        async () => {
          const { rows } = await pool.query<{ partition: number; next_offset: number }>(
            'SELECT partition, next_offset FROM clicks.partitions',
          )
          const applied = new Map(rows.map((row) => [row.partition, row.next_offset]))
          return end.every((high, partition) => (applied.get(partition) ?? 0) === high)
        },
        { withinMs, everyMs: 50 },
      )
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
}

type ConsumerParts = Pick<Fixture, 'topic' | 'group' | 'partitions' | 'kafka' | 'pool'>

function startTestConsumer({ topic, group, partitions, kafka, pool }: ConsumerParts): RunningConsumer {
  const now = () => Date.now()
  const metrics = new Metrics('analytics')
  const consumer = startClickConsumer({
    kafka,
    topic,
    partitions,
    groupId: group,
    concurrency: 4,
    // Small, so that a few thousand clicks are many batches.
    fetchBytesMax: 65_536,
    sessionTimeoutMs: 6_000,
    store: openClickStorePg({ pool, classify: createUserAgentClassifier(), now }),
    events: createEvents(silentLogger(), metrics),
    now,
  })
  return {
    progress: () => consumer.progress(),
    outsideSinceMs: () => consumer.outsideSinceMs(),
    state: () => consumer.state(),
    async metric(name) {
      const values = (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
      return values.reduce((sum, { value }) => sum + value, 0)
    },
    [Symbol.asyncDispose]: async () => await consumer[Symbol.asyncDispose](),
  }
}
