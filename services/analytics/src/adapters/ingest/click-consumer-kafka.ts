/**
 * The consumer of the topic: joins the group, hands partitions to followers, and asks each second how far the log
 * reaches. Offsets are kept by the followers in Postgres; Kafka is told none.
 *
 * kafkajs (2.2.4) calls the listeners of GROUP_JOIN before it fetches, so pausing there keeps every record back
 * until its follower knows where to begin; and where it would reset an offset that is out of range in silence, the
 * follower sees that the batch does not follow what was applied.
 */
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import {
  type Admin,
  type Consumer,
  type EachBatchPayload,
  ensureTopics,
  type Kafka,
} from '@linkfleet/runtime/kafka'
import { type ClickRecord, timestampMsOf } from '../../domain/batch-plan.ts'
import { BatchSize } from '../../domain/batch-size.ts'
import {
  type ConsumerProgress,
  oldestUnappliedAgeSeconds,
  type PartitionProgress,
} from '../../domain/freshness.ts'
import type { LogEnds } from '../../domain/position.ts'
import type { Events } from '../../events.ts'
import type { ClickLog, ClickStore, Delivery } from '../../ports.ts'
import { PartitionFollower } from './partition-follower.ts'

export interface ClickConsumerOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly groupId: string
  readonly concurrency: number
  readonly fetchBytesMax: number
  readonly sessionTimeoutMs: number
  readonly store: ClickStore
  readonly events: Events
  readonly now: () => number
}

export interface ClickConsumer extends ConsumerProgress, AsyncDisposable {
  /** 'up' while Kafka answers and the consumer does not end again and again, else what went wrong last. */
  state(): string
}

const retry = { baseMs: 200, maxMs: 5_000 }
/** A consumer that ends for good begins anew, and Kafka answers it until it ends at the same record again. */
const endedShownMs = 30_000
const observeEveryMs = 1_000
/**
 * A fetch waits so long for more, unless there is enough: every instance of redirect sends a few messages a second to each
 * partition, and a transaction for each of them would keep Postgres busy with little.
 */
const fetchWaitMsMax = 250
const fetchBytesEnough = 262_144

/** Starts in the background and never gives up: Kafka may be away at the start and at any time after. */
export function startClickConsumer(options: ClickConsumerOptions): ClickConsumer {
  const stopping = new AbortController()
  const run = new ConsumerRun(options, stopping.signal)
  const finished = run.keepRunning()
  return {
    progress: () => run.progress(),
    outsideSinceMs: () => run.outsideSinceMs,
    state: () => run.shownState(),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await finished
    },
  }
}

class ConsumerRun {
  state = 'not tried yet'
  outsideSinceMs: number | undefined
  readonly #options: ClickConsumerOptions
  readonly #stopping: AbortSignal
  readonly #followers = new Map<number, PartitionFollower>()
  readonly #batchSize = new BatchSize()
  #lastEnd: { readonly reason: string; readonly atMs: number } | undefined

  constructor(options: ClickConsumerOptions, stopping: AbortSignal) {
    this.#options = options
    this.#stopping = stopping
    this.outsideSinceMs = options.now()
  }

  progress(): ReadonlyMap<number, PartitionProgress> {
    return new Map([...this.#followers].map(([partition, follower]) => [partition, follower.progress]))
  }

  shownState(): string {
    const end = this.#lastEnd
    const hasJustEnded = end !== undefined && this.#options.now() - end.atMs < endedShownMs
    return this.state === 'up' && hasJustEnded ? end.reason : this.state
  }

  async keepRunning(): Promise<void> {
    for (let attempt = 0; !this.#stopping.aborted; attempt++) {
      const startedMs = performance.now()
      try {
        await this.#runOnce()
      } catch (cause) {
        this.state = (cause as Error).message
        this.#options.events.consumerFailed(cause)
      }
      this.#release()
      if (performance.now() - startedMs > 60_000) attempt = 0
      await sleep(backoffMs(attempt, retry), this.#stopping)
    }
  }

  /** Consumes until it is told to stop, or the consumer ends for good. */
  async #runOnce(): Promise<void> {
    const { kafka, topic, partitions, groupId, concurrency, fetchBytesMax, sessionTimeoutMs } = this.#options
    await ensureTopics(kafka, [{ topic, partitions }])
    const admin = kafka.admin()
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / 4),
      rebalanceTimeout: sessionTimeoutMs * 2,
      maxBytesPerPartition: fetchBytesMax,
      minBytes: fetchBytesEnough,
      maxWaitTimeInMs: fetchWaitMsMax,
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
    })
    const ended = new AbortController()
    const crashed = Promise.withResolvers<never>()
    crashed.promise.catch(() => {})
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.#release()
      if (payload.restart) {
        this.state = payload.error.message
        return
      }
      this.#lastEnd = { reason: payload.error.message, atMs: this.#options.now() }
      crashed.reject(payload.error)
    })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      this.#assign(payload.memberAssignment[topic] ?? [], consumer, admin),
    )
    try {
      await admin.connect()
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrency,
        eachBatch: async (payload) => await this.#arrived(payload),
      })
      const until = AbortSignal.any([this.#stopping, ended.signal])
      await Promise.race([crashed.promise, this.#observeUntil(until, admin)])
    } finally {
      ended.abort()
      this.#release()
      await consumer.disconnect().catch(() => {})
      await admin.disconnect().catch(() => {})
    }
  }

  #assign(partitions: readonly number[], consumer: Consumer, admin: Admin): void {
    this.#release()
    this.outsideSinceMs = undefined
    const { store, events, now, topic } = this.#options
    this.state = 'up'
    events.assigned(partitions)
    if (partitions.length > 0) consumer.pause([{ topic, partitions: [...partitions] }])
    const batchSize = this.#batchSize
    const [log, delivery] = [logOf(admin, topic), deliveryOf(consumer, topic)]
    const ports = { store, events, batchSize, now, log, delivery }
    for (const partition of partitions) {
      const follower = new PartitionFollower(partition, ports)
      this.#followers.set(partition, follower)
      follower.start()
    }
  }

  /** What the followers were behind when they were let go is not forgotten with them. */
  #release(): void {
    const nowMs = this.#options.now()
    const behindMs = oldestUnappliedAgeSeconds(this.progress().values(), undefined, nowMs) * 1000
    this.outsideSinceMs ??= nowMs - behindMs
    for (const follower of this.#followers.values()) follower.stop()
    this.#followers.clear()
  }

  async #arrived({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const records = batch.messages.map(
      (message): ClickRecord => ({
        offset: Number(message.offset),
        timestampMs: timestampMsOf(message.timestamp),
        value: message.value,
      }),
    )
    const lastOffset = await this.#followers
      .get(batch.partition)
      ?.arrived(records, fetchedFromOf(batch), heartbeat)
    if (lastOffset !== undefined) resolveOffset(String(lastOffset))
    await heartbeat()
  }

  async #observeUntil(ended: AbortSignal, admin: Admin): Promise<void> {
    while (!ended.aborted) {
      try {
        await this.#observe(admin)
        this.state = 'up'
      } catch (cause) {
        if (ended.aborted) return
        this.state = (cause as Error).message
        this.#options.events.observeFailed(cause)
      }
      await sleep(observeEveryMs, ended)
    }
  }

  async #observe(admin: Admin): Promise<void> {
    const askedAtMs = this.#options.now()
    const looks = [...this.#followers.values()].map(
      (follower) => [follower.partition, follower, follower.look(askedAtMs)] as const,
    )
    const { topic, store } = this.#options
    const ends = await logOf(admin, topic).ends()
    const caughtUp = new Map<number, number>()
    for (const [partition, follower, tell] of looks) {
      const end = ends.get(partition)
      if (end !== undefined) tell(end)
      if (follower.isSettled) caughtUp.set(partition, follower.progress.caughtUpAtMs)
    }
    await store.noteProgress(caughtUp, ends.size)
  }
}

/** A property of kafkajs' batches that its types leave out. */
function fetchedFromOf(batch: object): number | undefined {
  return 'fetchedOffset' in batch ? Number(batch.fetchedOffset) : undefined
}

function logOf(admin: Admin, topic: string): ClickLog {
  return {
    async ends() {
      const offsets = await admin.fetchTopicOffsets(topic)
      return new Map(
        offsets.map(({ partition, low, high }): [number, LogEnds] => [
          partition,
          { low: Number(low), high: Number(high) },
        ]),
      )
    },
  }
}

function deliveryOf(consumer: Consumer, topic: string): Delivery {
  return {
    pause: (partition) => consumer.pause([{ topic, partitions: [partition] }]),
    resumeAt(partition, offset) {
      consumer.seek({ topic, partition, offset: String(offset) })
      consumer.resume([{ topic, partitions: [partition] }])
    },
  }
}
