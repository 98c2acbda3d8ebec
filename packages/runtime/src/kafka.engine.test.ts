import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import kafkajs, { CompressionTypes } from 'kafkajs'
import { expect, test } from 'vitest'
import { ensureTopics, openKafka } from './kafka.ts'
import { silentLogger } from './log.ts'

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
    await using resources = new AsyncDisposableStack()
    const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
    const topic = uniqueName('topic')
    await ensureTopics(kafka, [{ topic, partitions: 1 }])
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    resources.defer(async () => await producer.disconnect())
    await producer.send({ topic, acks: -1, compression, messages: [{ value: 'one' }, { value: 'two' }] })
    const consumer = kafka.consumer({ groupId: uniqueName('group') })
    await consumer.connect()
    resources.defer(async () => await consumer.disconnect())
    await consumer.subscribe({ topic, fromBeginning: true })
    const read: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) })
    await eventually(() => read.length === 2, { withinMs: 40_000 })
    expect(read).toEqual(['one', 'two'])
  },
)

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
