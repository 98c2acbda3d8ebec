/**
 * The relay: takes committed changes from the outbox, in version order, to Redis and to Kafka, and tells the fleet by
 * heartbeat and watermark how fresh everything is. Every shortener runs one; the one whose session holds the lock is
 * active, the others watch its stamp. Either sink may be away for as long as it likes: the other goes on.
 */
import { sleep } from '@linkfleet/runtime/backoff'
import { FeedMarks } from '../domain/feed-marks.ts'
import type { Backlog, ChangeFeed, OutboxSession, OutboxSnapshot } from '../ports.ts'
import { inTurnForRedis, type Watermarks } from './watermarks.ts'

const stampEveryMs = 500
const beatEveryMs = 1_000
const pruneEveryMs = 60_000
const pausePruningMs = 20
const lookAtBacklogEveryMs = 5_000
/**
 * Rounds begin so far apart unless there is more than one round can take: a small round costs nearly as much as a large
 * one. While many changes come, rounds are rarer: those in Redis by the write-through lose nothing by it, and Kafka's
 * price for a request of all partitions is divided by more of them.
 */
const roundEveryMs = 50
const busyRoundEveryMs = 150
const busyRoundChanges = 50
const standbyLooksEveryMs = 500
/** How long a sink that failed is left alone. */
const sinkPauseMs = 500
/** How long a round waits for Kafka before Redis goes on without it. */
const waitForKafkaMs = 100
const changesPerRoundMax = 1_000
/** Changes that Kafka did not take, since their partition has no leader, leave room for others: so many of them. */
const stuckMax = 20_000

const nothing: Backlog = { changes: 0, oldestSeconds: 0 }

export interface RelayEvents {
  becameActive(): void
  deposedFrozen(): void
  /** The session is gone; a new one is tried. */
  lostSession(error: unknown): void
  redisFailed(error: unknown): void
  relayed(redis: number, kafka: number): void
  /** What waits for each sink; nothing that this instance knows of when it is not the active relay. */
  backlog(redis: Backlog, kafka: Backlog): void
}

export interface RelayOptions {
  readonly instance: string
  readonly openSession: () => Promise<OutboxSession>
  /** A fresh one for each time the relay becomes active: nothing is remembered from the time before. */
  readonly createWatermarks: () => Watermarks
  readonly feed: ChangeFeed
  readonly events: RelayEvents
}

export interface Relay extends AsyncDisposable {
  readonly isActive: boolean
}

export function startRelay(options: RelayOptions): Relay {
  const stopping = new AbortController()
  const state = { isActive: false }
  const running = run(options, stopping.signal, state)
  return {
    get isActive() {
      return state.isActive
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await running
    },
  }
}

async function run(options: RelayOptions, signal: AbortSignal, state: { isActive: boolean }): Promise<void> {
  while (!signal.aborted) {
    let session: OutboxSession | undefined
    try {
      session = await options.openSession()
      if (await standBy(session, options, signal)) {
        state.isActive = true
        options.events.becameActive()
        await lead(session, options, signal)
      }
    } catch (error) {
      options.events.lostSession(error)
    } finally {
      state.isActive = false
      options.events.backlog(nothing, nothing)
      await session?.close()
    }
    await sleep(standbyLooksEveryMs, signal)
  }
}

/** Waits until this session leads; false when told to stop. */
async function standBy(session: OutboxSession, options: RelayOptions, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await session.tryLead(options.instance)) return true
    if (await session.deposeFrozen()) options.events.deposedFrozen()
    else await sleep(standbyLooksEveryMs, signal)
  }
  return false
}

/** Leads until the session is lost (throws) or the process stops (returns). */
async function lead(session: OutboxSession, options: RelayOptions, outer: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const signal = AbortSignal.any([outer, ended.signal])
  const chores = [
    every(stampEveryMs, signal, () => session.stamp()),
    every(beatEveryMs, signal, () => session.beat()),
    every(pruneEveryMs, signal, () => pruneAll(session, signal)),
    every(lookAtBacklogEveryMs, signal, async () => {
      const { redis, kafka } = await session.backlog()
      options.events.backlog(redis, kafka)
    }),
    runRounds(session, options, signal),
  ]
  try {
    // The first that fails ends them all.
    await Promise.all(chores)
  } finally {
    ended.abort()
    await Promise.allSettled(chores)
  }
}

async function every(intervalMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const startedMs = performance.now()
    await work()
    await sleep(Math.max(0, intervalMs - (performance.now() - startedMs)), signal)
  }
}

/** In small bites with pauses, in which the other chores have the connection. */
async function pruneAll(session: OutboxSession, signal: AbortSignal): Promise<void> {
  while ((await session.prune()) && !signal.aborted) await sleep(pausePruningMs, signal)
}

async function runRounds(session: OutboxSession, options: RelayOptions, signal: AbortSignal): Promise<void> {
  const watermarks = options.createWatermarks()
  const marks = new FeedMarks()
  let redisPausedUntilMs = 0
  let kafkaPausedUntilMs = 0
  let publishing: Promise<readonly number[]> | undefined
  let published: readonly number[] | undefined
  let publishingCount = 0
  let stuck = 0

  function startPublishing(snapshot: OutboxSnapshot): void {
    const changes = snapshot.changes.filter((change) => !change.kafkaDone)
    const marking = marks.begin(snapshot)
    if (changes.length === 0 && marking === undefined) return
    publishingCount = changes.length
    publishing = options.feed.publish(changes, marking).then((versions) => {
      published = versions
      return versions
    })
  }

  while (!signal.aborted) {
    const nowMs = performance.now()
    const wanted = {
      redis: nowMs >= redisPausedUntilMs,
      kafka: publishing === undefined && nowMs >= kafkaPausedUntilMs,
    }
    const snapshot = await session.snapshot({
      redis: wanted.redis ? changesPerRoundMax : 0,
      kafka: wanted.kafka ? changesPerRoundMax + stuck : 0,
    })
    if (wanted.kafka) startPublishing(snapshot)
    const redis = wanted.redis
      ? await watermarks.apply(inTurnForRedis(snapshot, changesPerRoundMax))
      : { done: [], failure: undefined }
    if (redis.failure !== undefined) {
      redisPausedUntilMs = performance.now() + sinkPauseMs
      options.events.redisFailed(redis.failure)
    }
    if (publishing !== undefined) await Promise.race([publishing, sleep(waitForKafkaMs, signal)])
    const kafka = published ?? []
    if (published !== undefined) {
      stuck = Math.min(publishingCount - published.length, stuckMax)
      if (stuck > 0) kafkaPausedUntilMs = performance.now() + sinkPauseMs
      publishing = undefined
      published = undefined
    }
    await session.settle({ redis: redis.done, kafka })
    options.events.relayed(redis.done.length, kafka.length)
    const isBehind = snapshot.changes.length >= changesPerRoundMax && redis.done.length + kafka.length > 0
    if (isBehind) continue
    const everyMs = snapshot.changes.length >= busyRoundChanges ? busyRoundEveryMs : roundEveryMs
    await sleep(Math.max(0, everyMs - (performance.now() - nowMs)), signal)
  }
}
