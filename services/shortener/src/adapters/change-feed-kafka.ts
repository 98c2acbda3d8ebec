/**
 * Publishes changes to the topic `link-changes`. kafkajs resolves a send over several partitions although one of them
 * was lost when its leader moved, so only a partition that the acknowledgement names has its changes. One request for
 * all partitions costs the broker a fraction of one for each; but it fails as a whole, so after a failure each
 * partition is sent by itself, and those that are well go on.
 */
import {
  encodeFeedMark,
  encodeLinkChange,
  type FeedRecord,
  linkChangesKeptMs,
} from '@linkfleet/contracts/link-changes'
import { ensureTopics, type Kafka } from '@linkfleet/runtime/kafka'
import type { Marking } from '../domain/feed-marks.ts'
import type { ChangeFeed, PendingChange } from '../ports.ts'
import { byLink } from './watermarks.ts'

const ackTimeoutMs = 5_000
/** How often the number of partitions is asked for again: it may grow. */
const partitionsKnownForMs = 60_000
/** A partition that did not take its records gets no mark for so long: others would wait for it. */
const marksPauseMs = 3_000

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
  let sendsApart = false
  /** Until when a partition gets no marks. */
  const unmarkedUntilMs = new Map<number, number>()
  producer.on(producer.events.DISCONNECT, () => {
    connected = false
  })

  async function prepare(): Promise<number> {
    if (!connected) {
      await producer.connect()
      connected = true
    }
    if (partitions === undefined || partitions.untilMs < performance.now()) {
      await ensureTopics(kafka, [{ topic, partitions: options.partitions, retentionMs: linkChangesKeptMs }])
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

  function failed(error: unknown): void {
    // A topic that was made anew may have another number of partitions.
    partitions = undefined
    state = (error as Error).message
    options.onFailed(error)
  }

  return {
    async publish(changes, marking) {
      try {
        return await publishAll(changes, await prepare(), marking)
      } catch (error) {
        failed(error)
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
    partitionCount: number,
    marking: Marking | undefined,
  ): Promise<readonly number[]> {
    const batches = batchByPartition(changes, partitionCount)
    if (marking !== undefined) addMarks(batches, partitionCount, marking)
    const all = [...batches.values()]
    const sent = await Promise.allSettled((sendsApart ? all.map((batch) => [batch]) : [all]).map(send))
    const failure = sent.find((outcome) => outcome.status === 'rejected')
    const done = sent.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
    for (const { batch, baseOffset } of done) {
      if (!batch.isMarked || baseOffset === undefined) continue
      // The mark is the last record of its batch.
      const offset = Number(baseOffset) + batch.messages.length - 1
      marking?.acknowledged(batch.partition, partitionCount, offset)
    }
    const taken = new Set(done.map(({ batch }) => batch.partition))
    for (const { partition } of all) {
      if (taken.has(partition)) unmarkedUntilMs.delete(partition)
      else unmarkedUntilMs.set(partition, performance.now() + marksPauseMs)
    }
    sendsApart = done.length < all.length
    if (sendsApart) failed(failure?.reason ?? new Error('Kafka did not name every partition it was sent.'))
    else state = 'up'
    return done.flatMap(({ batch }) => batch.versions)
  }

  /** One in each partition that takes what it is sent, after its changes. */
  function addMarks(batches: Map<number, PartitionBatch>, partitionCount: number, marking: Marking): void {
    for (let partition = 0; partition < partitionCount; partition++) {
      if ((unmarkedUntilMs.get(partition) ?? 0) > performance.now()) continue
      const batch = batchOf(batches, partition)
      batch.messages.push(encodeFeedMark(marking.markOf(partition, partitionCount), partition))
      batch.isMarked = true
    }
  }

  /** Those batches whose partition is named in the acknowledgement, and where they are. */
  async function send(batches: readonly PartitionBatch[]) {
    const messages = batches.flatMap((batch) => batch.messages)
    const acknowledged = await producer.send({ topic, acks: -1, timeout: ackTimeoutMs, messages })
    const offsets = new Map(acknowledged.map(({ partition, baseOffset }) => [partition, baseOffset]))
    return batches
      .filter(({ partition }) => offsets.has(partition))
      .map((batch) => ({ batch, baseOffset: offsets.get(batch.partition) }))
  }
}

interface PartitionBatch {
  readonly partition: number
  readonly messages: FeedRecord[]
  isMarked: boolean
  readonly versions: number[]
}

/** One record for each link, of its newest change, which also stands for those before it. */
function batchByPartition(
  changes: readonly PendingChange[],
  partitionCount: number,
): Map<number, PartitionBatch> {
  const batches = new Map<number, PartitionBatch>()
  for (const group of byLink(changes).values()) {
    const { copy: link, asOfMs } = group.at(-1) as PendingChange
    const record = encodeLinkChange({ link, asOfMs }, partitionCount)
    const batch = batchOf(batches, record.partition)
    batch.messages.push(record)
    batch.versions.push(...group.map((change) => change.version))
  }
  return batches
}

function batchOf(batches: Map<number, PartitionBatch>, partition: number): PartitionBatch {
  const batch = batches.get(partition) ?? { partition, messages: [], versions: [], isMarked: false }
  batches.set(partition, batch)
  return batch
}
