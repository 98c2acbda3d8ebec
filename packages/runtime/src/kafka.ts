/** Kafka, behind one door: kafkajs with quiet logs and bounded retries. */
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs, { type Admin, CompressionTypes, Kafka, logLevel } from 'kafkajs'
import type { Logger } from './log.ts'
import { traceKafka } from './tracing/trace-kafka.ts'

export type { Admin, Consumer, EachBatchPayload, Kafka, Producer } from 'kafkajs'
export { CompressionTypes } from 'kafkajs'

export interface KafkaOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly log: Logger
}

/** Nobody here sends so much in a batch: more is not worth the memory. */
const batchBytesMax = 64 * 1024 * 1024

/**
 * kafkajs knows gzip only, and a consumer cannot pass by a batch that it does not know how to read. Node finds no name
 * for its codecs, which are a property of what the CommonJS module exports; so are its numbers of settings, below.
 */
kafkajs.CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => await promisify(zstdCompress)(buffer),
  decompress: async (buffer: Buffer) =>
    await promisify(zstdDecompress)(buffer, { maxOutputLength: batchBytesMax }),
})

export function openKafka(options: KafkaOptions): Kafka {
  const kafka = new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      const level = entry.level === logLevel.ERROR ? 'warn' : 'debug'
      options.log[level]({ kafka: entry.namespace, error: entry.log.error }, entry.log.message)
    },
  })
  return traceKafka(kafka)
}

export interface TopicOptions {
  readonly topic: string
  /** Used when the topic is made; an existing topic keeps its own. */
  readonly partitions: number
  /** The same holds for it: brokers drop records within twice this time. As long as they like, unless it is told. */
  readonly retentionMs?: number
}

/**
 * Gives a topic that exists at least so many partitions; without effect where it has them. Throws when no broker
 * answers or this client may not.
 */
export async function growTopic(kafka: Kafka, { topic, partitions }: TopicOptions): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    const found = await admin.fetchTopicMetadata({ topics: [topic] })
    if ((found.topics[0]?.partitions.length ?? partitions) >= partitions) return
    await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] })
  } finally {
    await admin.disconnect()
  }
}

/**
 * Makes the topics that do not exist, with the brokers' own replication factor. Throws when no broker answers. Brokers
 * store what they get uncompressed, whoever compressed it by whatever: a consumer here could not read snappy or lz4,
 * and would stand still before it. Our own producers compress nothing. Topics that were made otherwise are told so too;
 * where this client may not, that is logged, and they are left as they are.
 */
export async function ensureTopics(kafka: Kafka, topics: readonly TopicOptions[]): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    const names = new Set(await admin.listTopics())
    const missing = topics.filter(({ topic }) => !names.has(topic))
    const existing = topics.filter(({ topic }) => names.has(topic)).map(({ topic }) => topic)
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ topic, partitions, retentionMs }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: -1,
          configEntries: [storedUncompressed, ...keptFor(retentionMs)],
        })),
      })
    }
    if (existing.length > 0) {
      await storeReadable(admin, existing).catch((cause: unknown) => {
        const message = `The compression.type of ${existing.join(', ')} could not be looked at or set to uncompressed.`
        kafka.logger().error(message, { error: cause instanceof Error ? cause.message : String(cause) })
      })
    }
  } finally {
    await admin.disconnect()
  }
}

/** A segment is dropped as a whole, so it may not be filled for longer than its records are kept. */
function keptFor(retentionMs: number | undefined): { name: string; value: string }[] {
  if (retentionMs === undefined) return []
  return ['retention.ms', 'segment.ms'].map((name) => ({ name, value: String(retentionMs) }))
}

const compressionType = 'compression.type'
const storedUncompressed = { name: compressionType, value: 'uncompressed' }
/** By which brokers would store what is not read here: `producer` is whatever a producer chose. */
const unreadable: ReadonlySet<string> = new Set(['producer', 'snappy', 'lz4'])

/**
 * This client has no request that changes one setting: it replaces all that the topic has of its own, so they are sent
 * along. What another changes in the milliseconds between is lost, once for each topic, as a readable one is left alone.
 */
async function storeReadable(admin: Admin, topics: readonly string[]): Promise<void> {
  const type = kafkajs.ConfigResourceTypes.TOPIC
  const found = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type, name })),
  })
  const resources = found.resources.flatMap(({ resourceName: name, configEntries }) => {
    const current = configEntries.find((entry) => entry.configName === compressionType)
    if (current === undefined || !unreadable.has(current.configValue)) return []
    const own = configEntries
      .filter((entry) => entry.configSource === kafkajs.ConfigSource.TOPIC_CONFIG && entry !== current)
      .map(({ configName, configValue }) => ({ name: configName, value: configValue }))
    return [{ type, name, configEntries: [...own, storedUncompressed] }]
  })
  if (resources.length > 0) await admin.alterConfigs({ validateOnly: false, resources })
}
