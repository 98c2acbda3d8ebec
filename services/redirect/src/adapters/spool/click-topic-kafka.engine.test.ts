import { type Admin, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RefusedForGoodError } from '../../domain/spool/send-batch.ts'
import { type ClickTopic, openClickTopicKafka } from './click-topic-kafka.ts'

const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
/** Shorter than it is in a fleet, for nobody to wait. */
const metadataMaxAgeMs = 1_000
let admin: Admin
let name: string
let topic: ClickTopic

beforeEach(async () => {
  admin = kafka.admin()
  await admin.connect()
  name = uniqueName('clicks')
  topic = openClickTopicKafka(kafka, name, 2, metadataMaxAgeMs)
})
afterEach(async () => {
  await topic.close()
  await admin.disconnect()
})

const untilSent = (partition: number, text: string) =>
  eventually(
    () =>
      topic.send(partition, Buffer.from(text)).then(
        () => true,
        () => false,
      ),
    { withinMs: 45_000 },
  )

async function messagesOf(partition: number): Promise<string | undefined> {
  const offsets = await admin.fetchTopicOffsets(name)
  return offsets.find((offset) => offset.partition === partition)?.high
}

test('a topic that was deleted is made again, and clicks go to it', async () => {
  await topic.send(1, Buffer.from('before'))
  await admin.deleteTopics({ topics: [name] })
  await eventually(async () => !(await admin.listTopics()).includes(name))
  await untilSent(1, 'after')
  expect(topic.state()).toBe('up')
  expect(await messagesOf(1)).toBe('1')
})

test('a message that is too large for the topic is refused for good, and a smaller one is taken', async () => {
  await admin.createTopics({
    topics: [
      { topic: name, numPartitions: 2, configEntries: [{ name: 'max.message.bytes', value: '2000' }] },
    ],
  })
  await expect(topic.send(0, Buffer.alloc(4_000, 1))).rejects.toThrow(RefusedForGoodError)
  await topic.send(0, Buffer.alloc(1_000, 1))
  expect(await messagesOf(0)).toBe('1')
})

test('a topic with fewer partitions than clicks were spread over is given them', async () => {
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }] })
  await untilSent(1, 'configured')
  // A segment of a start that spread its clicks over five.
  await untilSent(4, 'left over')
  expect(await messagesOf(1)).toBe('1')
  expect(await messagesOf(4)).toBe('1')
})
