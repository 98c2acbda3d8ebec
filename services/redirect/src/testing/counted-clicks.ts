import { type Click, ClickBatch } from '@linkfleet/contracts/clicks'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'

/** Reads the topic from its start and counts each click whose sequence is above its (partition, producer) mark. */
export async function readCountedClicks(
  brokers: readonly string[],
  topic: string,
  partitions: number,
): Promise<Click[]> {
  const kafka = openKafka({ brokers, clientId: 'test-reader', log: silentLogger() })
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map(
    (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)]),
  )
  await admin.disconnect()
  const missing = new Set([...ends].filter(([, high]) => high > 0n).map(([partition]) => partition))
  if (missing.size === 0) return []
  const clicks: Click[] = []
  const marks = new Map<string, number>()
  const consumer = kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      const batch = ClickBatch.decode(message.value!)
      for (const click of batch.clicks) {
        const mark = `${partition} ${batch.producerId.toString('hex')}`
        if (click.sequence <= (marks.get(mark) ?? 0)) continue
        marks.set(mark, click.sequence)
        clicks.push(click)
      }
      if (BigInt(message.offset) + 1n >= ends.get(partition)!) missing.delete(partition)
    },
  })
  await eventually(() => missing.size === 0, { withinMs: 30_000 })
  await consumer.disconnect()
  if (ends.size !== partitions) throw new Error(`the topic has ${ends.size} partitions, not ${partitions}`)
  return clicks
}
