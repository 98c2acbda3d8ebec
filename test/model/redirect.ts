/** One redirect process: the real finder, memory, floors and feed handling over sources that the world lets answer. */
import type { RedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import type { FeedCover } from '../../services/redirect/src/domain/feed-cover.ts'
import { createFindLink, type FindLink } from '../../services/redirect/src/domain/find-link.ts'
import { createHeedChanges } from '../../services/redirect/src/domain/heed-changes.ts'
import { type LinkMemory, linkKeyOf } from '../../services/redirect/src/domain/link-memory.ts'
import { chooseReplica } from '../../services/redirect/src/domain/replica-choice.ts'
import { VersionFloors } from '../../services/redirect/src/domain/version-floors.ts'
import type { KnownCopy } from '../../services/redirect/src/ports.ts'
import { type Feed, FeedReader } from './feed.ts'
import type { Network } from './network.ts'
import type { Primary, Replica } from './primary.ts'
import type { Request, Verdicts } from './verdicts.ts'

/** Room for two of the world's links and a bit: the third drives one out. */
const bytesMax = 500
const absencesMax = 2
const deadlineMs = { redis: 80, replica: 120, primary: 800 } as const

export interface RedirectOptions {
  readonly clock: () => number
  readonly network: Network
  readonly primary: Primary
  readonly replicas: readonly Replica[]
  /** Throws while Redis is away. */
  readonly cache: RedisLinkCache
  readonly feed: Feed
  readonly isPrimaryUp: () => boolean
  readonly createMemory: (options: MemoryOptions) => LinkMemory
  readonly cover: FeedCover
  readonly floorsMax: number
  readonly verdicts: Verdicts
}

export interface MemoryOptions {
  readonly bytesMax: number
  readonly absencesMax: number
  readonly cover: FeedCover
  readonly clock: () => number
}

export class Redirect {
  readonly #options: RedirectOptions
  readonly #memory: LinkMemory
  readonly #floors: VersionFloors
  readonly #findLink: FindLink
  readonly reader: FeedReader
  /** The newest version of each code that the feed told of, and when. */
  readonly told = new Map<string, { readonly version: number; readonly atMs: number }>()
  /** What a source said, or the feed told, since the last gap. */
  readonly confirmed = new Set<string>()
  readonly askedAtMs = new Map<string, number[]>()
  gapAtMs = Number.NEGATIVE_INFINITY
  primaryFailedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RedirectOptions) {
    const { clock, feed, cover } = options
    this.#options = options
    this.#memory = options.createMemory({ bytesMax, absencesMax, cover, clock })
    const floors = new VersionFloors(options.floorsMax, (nowMs) => cover.forgot(nowMs))
    this.#floors = floors
    const heed = createHeedChanges({ memory: this.#memory, floors, cover, clock })
    const soon = (refresh: () => void) =>
      void options.network.call({ caller: this, code: '', deadlineMs: undefined }, async () => refresh())
    this.#findLink = createFindLink({ memory: this.#memory, floors, clock, soon, ...this.#sources() })
    this.reader = new FeedReader(feed, {
      changed: ({ link, asOfMs }) => {
        heed.changed(link, asOfMs)
        const version = Math.max(link.version, this.told.get(link.code)?.version ?? 0)
        this.told.set(link.code, { version, atMs: clock() })
        this.confirmed.add(link.code)
      },
      marked: heed.marked,
      gap: () => {
        heed.gap()
        this.gapAtMs = clock()
        this.confirmed.clear()
      },
    })
  }

  /** Asks as a browser does; the answer is judged when it comes. */
  request(code: string): void {
    const { clock, network, verdicts } = this.#options
    const request: Request = {
      redirect: this,
      code,
      arrivedAtMs: clock(),
      joined: network.isWaiting(this, code),
      told: this.#toldOf(code),
      wasUnconfirmed: !this.confirmed.has(code),
    }
    this.askedAtMs.set(code, [...(this.askedAtMs.get(code) ?? []), clock()])
    const found = this.#findLink(1, code)
    if (found instanceof Promise)
      void found.then((late) => verdicts.judge({ ...request, found: late, atOnce: false }))
    else verdicts.judge({ ...request, found, atOnce: true })
  }

  /** undefined when there was no room to remember it. */
  #toldOf(code: string): Request['told'] {
    const isRemembered = this.#floors.get(linkKeyOf(1, code), this.#options.clock()) !== undefined
    return isRemembered ? this.told.get(code) : undefined
  }

  /** What memory says of each of these links is true. */
  judgeMemory(codes: readonly string[]): void {
    for (const code of codes) {
      const known = this.#memory.peek(linkKeyOf(1, code))
      if (known !== undefined) this.#options.verdicts.judgeCopy(known, 'memory')
    }
  }

  /** The version that memory holds, 0 without one. */
  rememberedVersion(code: string): number {
    return this.#memory.peek(linkKeyOf(1, code))?.copy.version ?? 0
  }

  #sources() {
    const { network, cache, replicas, primary, clock, isPrimaryUp, verdicts } = this.#options
    const ask = <T>(code: string, source: keyof typeof deadlineMs, work: () => Promise<T>) =>
      network.call({ caller: this, code, deadlineMs: deadlineMs[source] }, work)
    const confirm = (code: string) => {
      this.confirmed.add(code)
    }
    return {
      cache: {
        read: async (_domainId: number, code: string, held: KnownCopy['copy'] | undefined) => {
          const known = await ask(code, 'redis', () => cache.read(1, code, held))
          if (known !== undefined) {
            verdicts.judgeCopy(known, 'a hit in Redis')
            confirm(code)
          }
          return known
        },
        fill: (known: KnownCopy) =>
          network.call({ caller: this, code: known.copy.code, deadlineMs: undefined }, async () => {
            await cache.fill(known)
          }),
      },
      replicas: {
        read: async (_domainId: number, code: string, lagging: boolean) => {
          const health = replicas.map(({ isUp, beatAtMs }, place) => ({
            up: isUp,
            beatAtMs,
            latencyMs: place + 1,
          }))
          const replica = replicas[chooseReplica(health, clock(), lagging)]
          if (replica === undefined) return undefined
          const reading = await ask(code, 'replica', async () => replica.read(code))
          if (reading?.copy !== undefined) confirm(code)
          return reading
        },
      },
      authority: {
        resolve: async (_domainId: number, code: string) => {
          const said = isPrimaryUp()
            ? await ask(code, 'primary', async () => {
                if (!isPrimaryUp()) throw new Error('away')
                return primary.resolve(code)
              })
            : undefined
          if (said === undefined) this.primaryFailedAtMs = clock()
          else confirm(code)
          return said
        },
      },
    }
  }
}
