/**
 * Publishes changes to the topic `link-changes`. One partition for each `send`: kafkajs resolves a send over several
 * partitions although one of them was lost when its leader moved.
 */
import { encodeLinkChange } from '@linkfleet/contracts/link-changes'
import { ensureTopics, type Kafka } from '@linkfleet/runtime/kafka'
import type { ChangeFeed, PendingChange } from '../ports.ts'
import { byLink } from './watermarks.ts'

const ackTimeoutMs = 5_000
/** How often the number of partitions is asked for again: it may grow. */
const partitionsKnownForMs = 60_000

export interface ChangeFeedOptions {
  readonly kafka: Kafka
  readonly topic: string
  /** For the topic when it is made. */
  readonly partitions: number
  readonly onFailed: (error: unknown) => void
}

export interface OpenChangeFeed extends ChangeFeed, AsyncDisposable {
  state(): string
}

export function openChangeFeedKafka(options: ChangeFeedOptions): OpenChangeFeed {
  const { kafka, topic } = options
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false })
  let partitions: { readonly count: number; readonly untilMs: number } | undefined
  let connected = false
  let state = 'not tried yet'
  producer.on(producer.events.DISCONNECT, () => {
    connected = false
  })

  async function prepare(): Promise<number> {
    if (!connected) {
      await producer.connect()
      connected = true
    }
    if (partitions === undefined || partitions.untilMs < performance.now()) {
      await ensureTopics(kafka, [{ topic, partitions: options.partitions }])
      partitions = { count: await countPartitions(), untilMs: performance.now() + partitionsKnownForMs }
    }
    return partitions.count
  }

  async function countPartitions(): Promise<number> {
    const admin = kafka.admin()
    try {
      await admin.connect()
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.length ?? options.partitions
    } finally {
      await admin.disconnect()
    }
  }

  return {
    async publish(changes, asOfMs) {
      try {
        const done = await publishAll(changes, asOfMs, await prepare())
        state = 'up'
        return done
      } catch (error) {
        // A topic that was made anew may have another number of partitions.
        partitions = undefined
        state = (error as Error).message
        options.onFailed(error)
        return []
      }
    },
    state: () => state,
    async [Symbol.asyncDispose]() {
      await producer.disconnect().catch(() => {})
    },
  }

  async function publishAll(
    changes: readonly PendingChange[],
    asOfMs: number,
    partitionCount: number,
  ): Promise<readonly number[]> {
    const byPartition = new Map<
      number,
      { messages: { key: Buffer; value: Buffer; partition: number }[]; versions: number[] }
    >()
    for (const group of byLink(changes).values()) {
      const link = (group.at(-1) as PendingChange).copy
      const record = encodeLinkChange({ link, asOfMs }, partitionCount)
      const batch = byPartition.get(record.partition) ?? { messages: [], versions: [] }
      batch.messages.push(record)
      batch.versions.push(...group.map((change) => change.version))
      byPartition.set(record.partition, batch)
    }
    const sent = await Promise.allSettled(
      [...byPartition.values()].map(async ({ messages, versions }) => {
        await producer.send({ topic, acks: -1, timeout: ackTimeoutMs, messages })
        return versions
      }),
    )
    const failure = sent.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) {
      partitions = undefined
      state = (failure.reason as Error).message
      options.onFailed(failure.reason)
    }
    return sent.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  }
}
