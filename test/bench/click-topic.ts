/** The topic of clicks, written as redirect writes it and read as analytics reads it. */
import { randomBytes } from 'node:crypto'
import {
  ClickBatch,
  ClickKind,
  clickRecordBytesMax,
  encodeClickRecord,
  frameClickBatch,
  OrphanReason,
  producerIdBytes,
} from '@linkfleet/contracts/clicks'
import { partitionOf } from '@linkfleet/contracts/partition'
import type { Kafka } from '@linkfleet/runtime/kafka'
import { eventually } from '@linkfleet/testkit/eventually'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import type { DrawClick } from './generated-clicks.ts'

export interface FillOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly clicks: number
  readonly drawClick: DrawClick
  readonly signal: AbortSignal
}

const domainId = 1
/** About what redirect puts into one message at tens of thousands of clicks a second. */
const clicksPerMessage = 500
const messagesPerSend = 8

/** Sends clicks of one producer, in order of their sequence in each partition. */
export async function fillClickTopic(options: FillOptions): Promise<void> {
  const { kafka, topic, partitions, clicks, drawClick, signal } = options
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  try {
    const producerId = randomBytes(producerIdBytes)
    const records = Array.from({ length: partitions }, (): Buffer[] => [])
    const messages = Array.from({ length: partitions }, (): Buffer[] => [])
    const room = Buffer.alloc(clickRecordBytesMax)
    const send = async (partition: number) => {
      const values = messages[partition]!.splice(0)
      if (values.length === 0) return
      await producer.send({ topic, acks: 1, messages: values.map((value) => ({ partition, value })) })
    }
    const frame = (partition: number) => {
      const framed = records[partition]!.splice(0)
      if (framed.length > 0) messages[partition]!.push(frameClickBatch(producerId, framed))
    }
    for (let sequence = 1; sequence <= clicks; sequence++) {
      const click = drawClick()
      const partition = partitionOf(domainId, click.code, partitions)
      const end = encodeClickRecord(room, 0, {
        region: '',
        city: '',
        utm: undefined,
        ...click,
        sequence,
        atMs: Date.now(),
        domainId,
        kind: ClickKind.REDIRECT,
        orphanReason: OrphanReason.UNSPECIFIED,
      })
      records[partition]!.push(Buffer.from(room.subarray(0, end)))
      if (records[partition]!.length < clicksPerMessage) continue
      frame(partition)
      if (messages[partition]!.length < messagesPerSend) continue
      signal.throwIfAborted()
      await send(partition)
    }
    for (let partition = 0; partition < partitions; partition++) {
      frame(partition)
      await send(partition)
    }
  } finally {
    await producer.disconnect()
  }
}

/** Reads a topic from its start to its present end and counts each click once, by the marks of its producer. */
export async function countClicks(kafka: Kafka, topic: string, signal: AbortSignal): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = (await admin.fetchTopicOffsets(topic)).map(
    ({ partition, high }) => [partition, BigInt(high)] as const,
  )
  await admin.disconnect()
  const open = new Map(ends.filter(([, high]) => high > 0n))
  if (open.size === 0) return 0
  const marks = new Map<string, number>()
  let clicks = 0
  const consumer = kafka.consumer({ groupId: uniqueName('bench'), maxWaitTimeInMs: 50 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const batch = ClickBatch.decode(message.value!)
        const key = `${partition} ${Buffer.from(batch.producerId).toString('hex')}`
        let mark = marks.get(key) ?? 0
        for (const { sequence } of batch.clicks) {
          if (sequence <= mark) continue
          mark = sequence
          clicks += 1
        }
        marks.set(key, mark)
        if (BigInt(message.offset) + 1n >= (open.get(partition) ?? 0n)) open.delete(partition)
      },
    })
    await eventually(() => open.size === 0, { withinMs: 120_000, everyMs: 50, signal })
  } finally {
    await consumer.disconnect()
  }
  return clicks
}
