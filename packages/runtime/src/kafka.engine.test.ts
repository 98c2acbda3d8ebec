import { randomBytes } from 'node:crypto'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import kafkajs, { CompressionTypes, type ProducerRecord } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { ensureTopics, openKafka } from './kafka.ts'
import { createLogger, silentLogger } from './log.ts'

test('a topic is made with its partitions, and left as it is when it is there already', async () => {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('topic')
  await ensureTopics(kafka, [{ topic, partitions: 3 }])
  await ensureTopics(kafka, [{ topic, partitions: 7 }])
  const admin = kafka.admin()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(3)
  } finally {
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
})

describe('a topic that is there already', () => {
  const type = kafkajs.ConfigResourceTypes.TOPIC

  async function madeBefore(configEntries: { name: string; value: string }[]) {
    const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
    const admin = kafka.admin()
    const topic = uniqueName('topic')
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1, configEntries }] })
    await ensureTopics(kafka, [{ topic, partitions: 1 }])
    /** What the topic has of its own. */
    async function settings() {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type, name: topic }],
      })
      const own = (resources[0]?.configEntries ?? []).filter(
        ({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG,
      )
      return Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]))
    }
    return {
      settings,
      async [Symbol.asyncDispose]() {
        await admin.deleteTopics({ topics: [topic] })
        await admin.disconnect()
      },
    }
  }

  const kept = [
    { name: 'retention.ms', value: '86400001' },
    { name: 'cleanup.policy', value: 'compact,delete' },
    { name: 'min.insync.replicas', value: '1' },
  ]
  const settingsKept = Object.fromEntries(kept.map(({ name, value }) => [name, value]))

  test.each([
    ['what its producers choose', []],
    ['lz4', [{ name: 'compression.type', value: 'lz4' }]],
  ])(
    'and stores %s is told to store what is read here, and keeps all else that it was told',
    async (_, own) => {
      await using topic = await madeBefore([...kept, ...own])
      await eventually(async () => 'compression.type' in (await topic.settings()))
      expect(await topic.settings()).toEqual({ ...settingsKept, 'compression.type': 'uncompressed' })
    },
  )

  test('and stores zstd, which is read here, is left as it is', async () => {
    const own = { name: 'compression.type', value: 'zstd' }
    await using topic = await madeBefore([...kept, own])
    expect(await topic.settings()).toEqual({ ...settingsKept, 'compression.type': 'zstd' })
  })

  test('and may not be changed is left as it is, and that is logged', async () => {
    const lines: string[] = []
    const log = createLogger('test', '1', 'warn', { write: (line) => void lines.push(line) })
    const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log })
    const topic = uniqueName('topic')
    const admin = kafka.admin()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
    // The brokers of the tests refuse nobody, so the refusal is the client's.
    const refused = () => Promise.reject(new Error('TOPIC_AUTHORIZATION_FAILED'))
    const limited = Object.assign(kafka.admin(), { alterConfigs: refused })
    kafka.admin = () => limited
    await ensureTopics(kafka, [{ topic, partitions: 1 }])
    expect(lines.join('')).toContain(topic)
    expect(lines.join('')).toContain('TOPIC_AUTHORIZATION_FAILED')
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  })
})

test.each([
  ['snappy', CompressionTypes.Snappy],
  ['zstd', CompressionTypes.ZSTD],
  ['gzip', CompressionTypes.GZIP],
])(
  'what is sent to a topic with %s is read, although not every kind has a reader here',
  async (_name, compression) => {
    // Each test file has a process of its own, so this encoder without a decoder is nowhere else.
    kafkajs.CompressionCodecs[CompressionTypes.Snappy] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => snappyLiteral(buffer),
    })
    const messages = [{ value: 'one' }, { value: 'two' }]
    const read = await sendAndRead([{ compression, messages }])
    expect(read.map(({ value }) => String(value))).toEqual(['one', 'two'])
  },
)

test('a message of any length is read as it was sent, with its key and headers', async () => {
  // The client keeps what is longer than 4,096 bytes by reference until the request is whole.
  const messages = [0, 1, 4_096, 4_097, 400_000].map((length) => ({
    key: randomBytes(Math.min(length, 5_000)),
    value: randomBytes(length),
    headers: { small: randomBytes(3), large: randomBytes(length) },
  }))
  const kinds = [CompressionTypes.None, CompressionTypes.ZSTD]
  const read = await sendAndRead(kinds.map((compression) => ({ compression, messages })))
  expect(read).toEqual([...messages, ...messages])
}, 60_000)

/** Sends to a new topic, a request for each of these, and gives what a consumer reads from its start. */
async function sendAndRead(requests: readonly Omit<ProducerRecord, 'topic'>[]) {
  await using resources = new AsyncDisposableStack()
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('topic')
  await ensureTopics(kafka, [{ topic, partitions: 1 }])
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  resources.defer(async () => await producer.disconnect())
  for (const request of requests) await producer.send({ topic, acks: -1, ...request })
  const consumer = kafka.consumer({ groupId: uniqueName('group') })
  await consumer.connect()
  resources.defer(async () => await consumer.disconnect())
  await consumer.subscribe({ topic, fromBeginning: true })
  const read: { key: unknown; value: unknown; headers: unknown }[] = []
  await consumer.run({
    eachMessage: async ({ message: { key, value, headers } }) => void read.push({ key, value, headers }),
  })
  const sent = requests.reduce((sum, { messages }) => sum + messages.length, 0)
  await eventually(() => read.length === sent, { withinMs: 40_000 })
  return read
}

/** Snappy's format without anything that is compressed: a length, then one literal. */
function snappyLiteral(buffer: Buffer): Buffer {
  if (buffer.length < 128 && buffer.length > 0) {
    return Buffer.concat([Buffer.from([buffer.length, 60 << 2, buffer.length - 1]), buffer])
  }
  throw new RangeError('It encodes 1 to 127 bytes.')
}

test('when no broker answers, it fails instead of waiting for ever', async () => {
  const kafka = openKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', log: silentLogger() })
  await expect(ensureTopics(kafka, [{ topic: 'any', partitions: 1 }])).rejects.toThrow()
})
