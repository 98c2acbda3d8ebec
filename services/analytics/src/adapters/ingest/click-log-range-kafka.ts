/** Reads a range of one partition's log, for a rebuild: by a consumer of its own, in a group that nobody else has. */
import { randomUUID } from 'node:crypto'
import type { Kafka } from '@linkfleet/runtime/kafka'
import { type ClickRecord, timestampMsOf } from '../../domain/batch-plan.ts'
import type { LogRange } from '../../ports.ts'

const stalledAfterMs = 60_000

export function openLogRange(kafka: Kafka, topic: string): LogRange {
  return {
    async low(partition) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        const offsets = await admin.fetchTopicOffsets(topic)
        const found = offsets.find((one) => one.partition === partition)
        if (found === undefined) throw new Error(`The topic ${topic} has no partition ${partition}.`)
        return Number(found.low)
      } finally {
        await admin.disconnect()
      }
    },
    read: async (partition, from, to, take) => await readRange(kafka, topic, { partition, from, to }, take),
  }
}

interface Range {
  readonly partition: number
  readonly from: number
  readonly to: number
}

async function readRange(
  kafka: Kafka,
  topic: string,
  { partition, from, to }: Range,
  take: (records: readonly ClickRecord[]) => Promise<void>,
): Promise<void> {
  if (from >= to) return
  const groupId = `analytics-rebuild-${randomUUID()}`
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 1_048_576, allowAutoTopicCreation: false })
  const done = Promise.withResolvers<void>()
  done.promise.catch(() => {})
  let next = from
  const stall = () => done.reject(new Error(`Kafka brought nothing of partition ${partition} for a minute.`))
  let stalled = setTimeout(stall, stalledAfterMs)
  consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error))
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const others = (payload.memberAssignment[topic] ?? []).filter((one) => one !== partition)
    if (others.length > 0) consumer.pause([{ topic, partitions: others }])
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        if (batch.partition !== partition || next >= to) return
        const records = batch.messages
          .map(({ offset, timestamp, value }) => ({
            offset: Number(offset),
            timestampMs: timestampMsOf(timestamp),
            value,
          }))
          .filter(({ offset }) => offset >= next && offset < to)
        clearTimeout(stalled)
        stalled = setTimeout(stall, stalledAfterMs)
        try {
          if (records.length > 0) await take(records)
        } catch (cause) {
          done.reject(cause as Error)
          return
        }
        next = Number(batch.lastOffset()) + 1
        if (next >= to) done.resolve()
        await heartbeat()
      },
    })
    consumer.seek({ topic, partition, offset: String(from) })
    await done.promise
  } finally {
    clearTimeout(stalled)
    await consumer.disconnect().catch(() => {})
    await forgetGroup(kafka, groupId)
  }
}

async function forgetGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    await admin.deleteGroups([groupId])
  } catch {
    // Kafka forgets a group without members by itself.
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
