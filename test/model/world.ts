/** The fleet around the cache, in simulated time: one step of it for each operation. */
import type { RedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { FeedCover } from '../../services/redirect/src/domain/feed-cover.ts'
import type { FoundLink } from '../../services/redirect/src/domain/find-link.ts'
import { LinkMemory } from '../../services/redirect/src/domain/link-memory.ts'
import { WrittenChanges } from '../../services/shortener/src/adapters/written-changes.ts'
import type { FeedMarks, Marking } from '../../services/shortener/src/domain/feed-marks.ts'
import type { OutboxSnapshot } from '../../services/shortener/src/ports.ts'
import { Feed, type PublishFate, partitionCount } from './feed.ts'
import { Network } from './network.ts'
import type { Operation } from './operations.ts'
import { Primary, Replica, type Uncommitted } from './primary.ts'
import { type MemoryOptions, Redirect } from './redirect.ts'
import { Relay } from './relay.ts'
import { Verdicts, watched } from './verdicts.ts'

export const codes = ['aB3dE5g', 'Zz9yX8w', 'q1W2e3R'] as const
export const redirectCount = 2
export const replicaCount = 2

/** A cache that can lose what it holds. */
export interface LossyCache extends RedisLinkCache {
  flush(): Promise<void> | void
  replicate(): Promise<void> | void
  failOver(): Promise<void> | void
  evictOldest(): Promise<void> | void
  /** Loses one entry. */
  drop(domainId: number, code: string): Promise<void> | void
}

/** What a mutant does otherwise; the real code changes nothing. */
export interface Mistakes {
  cache?(cache: LossyCache, clock: () => number): LossyCache
  createMemory?(options: MemoryOptions): LinkMemory
  snapshot?(snapshot: OutboxSnapshot, primary: Primary): OutboxSnapshot
  mark?(marks: FeedMarks, snapshot: OutboxSnapshot): Marking | undefined
  createCover?(): FeedCover
  /** How many changes a redirect remembers that it was told of. */
  readonly floorsMax?: number
}

const allKeys = codes.map((code) => ({ domainId: 1, code }))
const startMs = 1_700_000_000_000

export class World {
  #nowMs = startMs
  /** For so long the machine slept, which clocks that only run while it is awake do not know of. */
  #sleptMs = 0
  readonly #clock = () => this.#nowMs
  readonly #primary = new Primary(this.#clock)
  readonly #replicas = Array.from({ length: replicaCount }, () => new Replica(this.#primary))
  readonly #network = new Network(this.#clock)
  readonly #feed = new Feed()
  readonly #verdicts = new Verdicts(this.#primary, this.#clock)
  readonly #lossy: LossyCache
  readonly #cache: RedisLinkCache
  readonly #mistakes: Mistakes
  readonly #written = new WrittenChanges(() => this.#nowMs - this.#sleptMs)
  readonly #redirects: readonly Redirect[]
  readonly #frozen: Relay[] = []
  readonly #open: Uncommitted[] = []
  readonly #cached: (number | undefined)[] = []
  #relay: Relay
  #underWay = 0
  #isRedisUp = true
  #isPrimaryUp = true

  constructor(createCache: (clock: () => number) => LossyCache, mistakes: Mistakes = {}) {
    this.#mistakes = mistakes
    this.#written.keep()
    const cache = createCache(this.#clock)
    this.#lossy = mistakes.cache?.(cache, this.#clock) ?? cache
    this.#cache = this.#mayBeAway(this.#lossy)
    this.#redirects = Array.from({ length: redirectCount }, () => this.#createRedirect())
    this.#relay = this.#createRelay()
  }

  get problems(): readonly string[] {
    return this.#verdicts.problems
  }

  get answers(): readonly FoundLink[] {
    return this.#verdicts.answers
  }

  #createRedirect(): Redirect {
    return new Redirect({
      clock: this.#clock,
      network: this.#network,
      primary: this.#primary,
      replicas: this.#replicas,
      cache: this.#cache,
      feed: this.#feed,
      isPrimaryUp: () => this.#isPrimaryUp,
      createMemory: (options) =>
        watched(this.#mistakes.createMemory?.(options) ?? new LinkMemory(options), this.#verdicts),
      floorsMax: this.#mistakes.floorsMax ?? 100,
      cover: this.#mistakes.createCover?.() ?? new FeedCover(),
      verdicts: this.#verdicts,
    })
  }

  #createRelay(): Relay {
    return new Relay({
      primary: this.#primary,
      cache: this.#cache,
      feed: this.#feed,
      written: this.#written,
      mistake: this.#mistakes.snapshot ?? ((snapshot) => snapshot),
      mark: this.#mistakes.mark ?? ((marks, snapshot) => marks.begin(snapshot)),
    })
  }

  #mayBeAway(cache: RedisLinkCache): RedisLinkCache {
    const isUp = () => this.#isRedisUp
    return new Proxy(cache, {
      get: (target, name) => {
        const work = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>
        return async (...args: unknown[]) => {
          if (!isUp()) throw new Error('Redis is away')
          this.#underWay += 1
          try {
            return await work(...args)
          } finally {
            this.#underWay -= 1
          }
        }
      },
    })
  }

  /** Everything that can go on without the world goes on, also where Redis is a real one and takes its time. */
  async #settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (this.#underWay > 0)
  }

  /** Every operation takes a millisecond at least, so that two of them are never at the same moment. */
  async run(operation: Operation): Promise<void> {
    this.#nowMs += 1
    await this.#apply(operation)
    await this.#settle()
    await this.#judgeCache(operation.kind === 'redis')
    for (const redirect of this.#redirects) redirect.judgeMemory(codes)
  }

  /** What Redis holds is true, and only what was lost gives way to what is older. */
  async #judgeCache(wasLost: boolean): Promise<void> {
    for (const [place, known] of (await this.#lossy.readAll(allKeys)).entries()) {
      const before = this.#cached[place]
      this.#cached[place] = known?.copy.version
      if (known === undefined) continue
      this.#verdicts.judgeCopy(known, 'Redis')
      if (!wasLost && (before ?? 0) > known.copy.version) this.#verdicts.judgeReplaced(known, before ?? 0)
    }
  }

  async #apply(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'pass':
        return await this.#pass(operation.ms)
      case 'sleep':
        this.#nowMs += operation.ms
        this.#sleptMs += operation.ms
        this.#verdicts.wokeAtMs = this.#nowMs
        return
      case 'request':
        this.#redirects[operation.redirect]?.request(operation.code)
        return operation.isPatient ? await this.#answer() : undefined
      case 'write':
        return await this.#write(operation)
      case 'commit':
        return await this.#commit(this.#open.shift(), operation.writeThrough)
      case 'step':
        return await this.#network.step(operation.place)
      case 'drain':
        return await this.#drain()
      case 'replay':
        return this.#replicas[operation.replica]?.replay(operation.records)
      case 'switch':
        return this.#switch(operation.what, operation.isUp)
      case 'redis':
        return await this.#lossy[operation.what]()
      case 'feed':
        return await this.#moveFeed(operation)
      case 'relay':
        return await this.#moveRelay(operation)
      case 'well':
        return await this.#beWell()
    }
  }

  /** Whoever waits is told at the end of its own deadline, not at the end of the jump. */
  async #pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      this.#nowMs = Math.min(untilMs, this.#network.nextDeadlineMs)
      this.#network.expire()
      await this.#settle()
      if (this.#nowMs >= untilMs) return
    }
  }

  async #write({ code, change, isSlow, writeThrough }: Operation & { kind: 'write' }): Promise<void> {
    const begun = this.#primary.begin(code, change)
    if (begun === undefined) return
    if (isSlow) this.#open.push(begun)
    else await this.#commit(begun, writeThrough)
  }

  /** Committed, then in Redis if it can be, then acknowledged. */
  async #commit(begun: Uncommitted | undefined, writeThrough: 'now' | 'late' | 'never'): Promise<void> {
    if (begun === undefined) return
    this.#primary.commit(begun)
    this.#nowMs += 1
    const { copy } = begun
    const sentAtMs = this.#written.now()
    const fill = async () => {
      const outcome = await this.#cache.fill(begun).catch(() => undefined)
      if (outcome === 'stored') this.#written.add({ copy, asOfMs: begun.asOfMs }, sentAtMs)
    }
    if (writeThrough === 'now') await fill()
    if (writeThrough === 'late')
      void this.#network.call({ caller: this, code: copy.code, deadlineMs: undefined }, fill)
    this.#primary.acknowledge(copy)
  }

  /** Who waits is answered. What nobody waits for stays on its way. */
  async #answer(): Promise<void> {
    await this.#settle()
    while (this.#network.firstWaited >= 0) {
      await this.#network.step(this.#network.firstWaited)
      await this.#settle()
    }
  }

  async #drain(): Promise<void> {
    await this.#settle()
    while (this.#network.size > 0) {
      await this.#network.step(0)
      await this.#settle()
    }
  }

  #switch(what: (Operation & { kind: 'switch' })['what'], isUp: boolean): void {
    if (what === 'redis') this.#isRedisUp = isUp
    else if (what === 'primary') this.#isPrimaryUp = isUp
    else for (const replica of this.#replicas) replica.isUp = isUp
  }

  async #moveFeed(operation: Operation & { kind: 'feed' }): Promise<void> {
    const { redirect, partition, records, what } = operation
    const reader = this.#redirects[redirect]?.reader
    if (what === 'deliver') await reader?.deliver(partition, records)
    else if (what === 'lose') reader?.lose(partition, records)
    else if (what === 'rejoin') reader?.rejoin()
    else if (what === 'land') this.#feed.land(records)
    else this.#feed.repeat(partition, records)
  }

  async #moveRelay({ what, calls, fate }: Operation & { kind: 'relay' }): Promise<void> {
    if (what === 'beat') this.#primary.beat()
    else if (what === 'take') this.#relay.take()
    else if (what === 'apply') void this.#relay.apply(fate)
    else if (what === 'round') this.#makeRound(fate)
    else if (what === 'freeze') this.#relay.freezeAfter(calls)
    else if (what === 'wake') for (const relay of [this.#relay, ...this.#frozen]) relay.wake()
    else {
      this.#relay.hasSession = false
      this.#frozen.push(this.#relay)
      this.#relay = this.#createRelay()
    }
  }

  #makeRound(fate: PublishFate | undefined): void {
    this.#primary.beat()
    this.#relay.take()
    void this.#relay.apply(fate)
  }

  /** A second in which everything works: afterwards every source knows everything, and the feed told of it. */
  async #beWell(): Promise<void> {
    this.#primary.beat()
    for (const replica of this.#replicas) replica.replay(Number.POSITIVE_INFINITY)
    for (let round = 0; round < 3; round += 1) {
      this.#nowMs += 1
      this.#relay.take()
      void this.#relay.apply('acknowledged')
      await this.#settle()
    }
    for (const { reader } of this.#redirects) {
      for (let partition = 0; partition < partitionCount; partition += 1)
        await reader.deliver(partition, 1_000)
    }
  }
}
