/** One process's relay: the real keeper of watermarks over a snapshot taken in one step and applied in another. */
import type { RedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import {
  createWatermarks,
  inTurnForRedis,
  type Watermarks,
} from '../../services/shortener/src/adapters/watermarks.ts'
import type { WrittenChanges } from '../../services/shortener/src/adapters/written-changes.ts'
import { FeedMarks, type Marking } from '../../services/shortener/src/domain/feed-marks.ts'
import type { OutboxSnapshot } from '../../services/shortener/src/ports.ts'
import type { Feed, PublishFate } from './feed.ts'
import type { Primary } from './primary.ts'

export interface RelayOptions {
  readonly primary: Primary
  readonly cache: RedisLinkCache
  readonly feed: Feed
  /** By the write-through of its own process. */
  readonly written: WrittenChanges
  /** What a fault makes of a snapshot before it is applied. */
  readonly mistake: (snapshot: OutboxSnapshot, primary: Primary) => OutboxSnapshot
  /** What a fault makes of the marks of a look. */
  readonly mark: (marks: FeedMarks, snapshot: OutboxSnapshot) => Marking | undefined
}

const changesMax = 3

export class Relay {
  readonly #options: RelayOptions
  readonly #watermarks: Watermarks
  readonly #marks = new FeedMarks()
  #snapshot: OutboxSnapshot | undefined
  #callsUntilFrozen = Number.POSITIVE_INFINITY
  #thaw = Promise.withResolvers<void>()
  #isApplying = false
  /** False once its database session was ended: it writes nothing to the primary any more. */
  hasSession = true

  constructor(options: RelayOptions) {
    this.#options = options
    this.#watermarks = createWatermarks(
      this.#freezing(options.cache),
      () => {},
      () => {},
      options.written,
    )
  }

  /** It stands still before the call after so many more. */
  freezeAfter(calls: number): void {
    this.#callsUntilFrozen = calls
  }

  wake(): void {
    this.#callsUntilFrozen = Number.POSITIVE_INFINITY
    this.#thaw.resolve()
    this.#thaw = Promise.withResolvers()
  }

  take(): void {
    if (!this.hasSession || this.#isApplying) return
    const { primary, written } = this.#options
    const snapshot = primary.snapshot(changesMax)
    // As the real session does: what its process has written is not read again.
    const changes = snapshot.changes.map((change) => {
      return { ...change, ...written.find({ timeline: snapshot.timeline, version: change.version }) }
    })
    this.#snapshot = { ...snapshot, changes }
  }

  /**
   * `fate` is that of what Kafka is told, nothing if undefined. Resolves when the round is through, which a frozen relay's
   * is not before it wakes.
   */
  async apply(fate: PublishFate | undefined): Promise<void> {
    const snapshot = this.#snapshot
    if (snapshot === undefined || this.#isApplying) return
    this.#snapshot = undefined
    this.#isApplying = true
    const { primary, feed, mistake, mark } = this.#options
    const toPublish = snapshot.changes.filter((change) => !change.kafkaDone)
    const kafka = fate === undefined ? [] : feed.publish(toPublish, mark(this.#marks, snapshot), fate)
    const redis = await this.#watermarks.apply(mistake(inTurnForRedis(snapshot, changesMax), primary))
    if (this.hasSession) primary.settle({ redis: redis.done, kafka })
    this.#isApplying = false
  }

  #freezing(cache: RedisLinkCache): RedisLinkCache {
    const gated = async <T>(work: () => Promise<T>): Promise<T> => {
      this.#callsUntilFrozen -= 1
      while (this.#callsUntilFrozen < 0) await this.#thaw.promise
      return await work()
    }
    return {
      ...cache,
      readMark: (hashTag) => gated(() => cache.readMark(hashTag)),
      renew: (hashTag, wish) => gated(() => cache.renew(hashTag, wish)),
      advance: (hashTag, known, toMs) => gated(() => cache.advance(hashTag, known, toMs)),
      apply: (link) => gated(() => cache.apply(link)),
      applyAll: (links, onFailure) =>
        gated(() => cache.applyAll(links, onFailure)).catch((error: unknown) => {
          onFailure(error)
          return links.map(() => 'failed' as const)
        }),
    }
  }
}
