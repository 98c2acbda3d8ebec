/**
 * The link cache of Redis in memory, for tests that need simulated time, lost data and thousands of runs. It keeps the
 * same bytes and says the same words as the scripts do; `memory-link-cache.engine.test.ts` holds it to the real ones.
 */
import {
  decodeEntry,
  decodeMark,
  encodeBody,
  entryKey,
  entryTtlMs,
  type FreshLink,
  hashTagOf,
  isNewerCopy,
  judgeEntry,
  type LinkEntry,
  type LinkMark,
  type LinkToRead,
  markKey,
  markStillMs,
  type PutOutcome,
  type RedisLinkCache,
  type RelayedLink,
} from '../redis-link-cache.ts'

interface Value {
  readonly bytes: Buffer
  readonly writtenAtMs: number
}

interface Stored {
  readonly entries: Map<string, Value>
  readonly marks: Map<string, string>
}

export interface MemoryLinkCache extends RedisLinkCache {
  /** Loses everything. */
  flush(): void
  /** Keeps what there is now, as an asynchronous replica does. */
  replicate(): void
  /** What was last replicated is all there is, on a server of another run. */
  failOver(): void
  /** Evicts the entry that expires first, as `volatile-ttl` does, if the watermark has moved since it was written. */
  evictOldest(): void
  /** Loses one entry. */
  drop(domainId: number, code: string): void
  entry(domainId: number, code: string): LinkEntry | undefined
  mark(hashTag: number): LinkMark | undefined
}

const emptyStore = (): Stored => ({ entries: new Map(), marks: new Map() })
const copyOf = ({ entries, marks }: Stored): Stored => ({ entries: new Map(entries), marks: new Map(marks) })

export function createMemoryLinkCache(clock: () => number): MemoryLinkCache {
  let stored = emptyStore()
  let replicated = emptyStore()
  let run = 1

  const mark = (hashTag: number) => decodeMark(stored.marks.get(markKey('', hashTag)) ?? null)
  const writtenBy = (hashTag: number) => {
    const [runId, atMs] = stored.marks.get(markKey('', hashTag))?.split(' ').at(-1)?.split('@') ?? []
    return { runId, atMs: Number(atMs) }
  }

  function bytesAt(key: string): Buffer | undefined {
    const value = stored.entries.get(key)
    if (value !== undefined && clock() < value.writtenAtMs + entryTtlMs) return value.bytes
    stored.entries.delete(key)
    return undefined
  }

  function writeMark(hashTag: number, { generation, timeline, watermarkMs, floorMs }: LinkMark): void {
    stored.marks.set(
      markKey('', hashTag),
      `${generation} ${timeline} ${watermarkMs} ${floorMs} run${run}@${clock()}`,
    )
  }

  function put(link: FreshLink, relayed: RelayedLink | undefined): PutOutcome {
    const isRelay = relayed !== undefined
    const { domainId, code, timeline, version } = link.copy
    const known = mark(hashTagOf(domainId, code))
    if (known === undefined) return isRelay ? 'other-generation' : 'no-mark'
    if (isRelay && !(relayed.generation === known.generation && relayed.watermarkMs === known.watermarkMs))
      return 'other-generation'
    if (timeline < known.timeline) return 'refused'
    const key = entryKey('', domainId, code)
    const bytes = bytesAt(key)
    const existing = bytes && decodeEntry(bytes)
    const isSame =
      existing?.copy.timeline === timeline &&
      existing.copy.version === version &&
      existing.generation === known.generation
    if (existing !== undefined && isNewerCopy(existing.copy, link.copy)) return 'kept'
    if (isSame && existing.asOfMs >= link.asOfMs) return 'kept'
    if (!isRelay && link.asOfMs < known.floorMs) {
      if (isSame) return 'kept'
      stored.entries.delete(key)
      return 'refused'
    }
    const head = Buffer.alloc(9)
    head[0] = 1
    head.writeDoubleBE(known.generation, 1)
    // Written anew, it is the last to expire.
    stored.entries.delete(key)
    stored.entries.set(key, { bytes: Buffer.concat([head, encodeBody(link)]), writtenAtMs: clock() })
    return 'stored'
  }

  /** Like the relay's look before it writes: what is there in this generation is not written again. */
  function apply(link: RelayedLink): PutOutcome {
    const { generation } = link
    const { domainId, code } = link.copy
    const known = mark(hashTagOf(domainId, code))
    const bytes = bytesAt(entryKey('', domainId, code))
    const existing = bytes && decodeEntry(bytes)
    const isThere =
      existing !== undefined &&
      known?.generation === generation &&
      known.timeline === link.copy.timeline &&
      existing.generation === generation &&
      !isNewerCopy(link.copy, existing.copy)
    return isThere ? 'kept' : put(link, link)
  }

  function read({ domainId, code, held }: LinkToRead): FreshLink | undefined {
    const markText = stored.marks.get(markKey('', hashTagOf(domainId, code)))
    const markBytes = markText === undefined ? null : Buffer.from(markText)
    return judgeEntry(bytesAt(entryKey('', domainId, code)) ?? null, decodeMark(markBytes), held)
  }

  return {
    flush() {
      stored = emptyStore()
    },
    replicate() {
      replicated = copyOf(stored)
    },
    failOver() {
      stored = copyOf(replicated)
      run += 1
    },
    evictOldest() {
      const [oldest] = stored.entries
      if (oldest === undefined) return
      const [key, { bytes, writtenAtMs }] = oldest
      const { domainId = 0, code = '' } = decodeEntry(bytes)?.copy ?? {}
      const known = mark(hashTagOf(domainId, code))
      if (known !== undefined && known.watermarkMs > writtenAtMs) stored.entries.delete(key)
    },
    drop(domainId, code) {
      stored.entries.delete(entryKey('', domainId, code))
    },
    entry(domainId, code) {
      const bytes = bytesAt(entryKey('', domainId, code))
      return bytes && decodeEntry(bytes)
    },
    mark,
    read: async (domainId, code, held) => read({ domainId, code, held }),
    readAll: async (links) => links.map(read),
    fill: async (link) => put(link, undefined),
    fillAll: async (links) => links.map((link) => put(link, undefined)),
    apply: async (link) => apply(link),
    applyAll: async (links) => links.map(apply),
    async advance(hashTag, { generation, timeline, watermarkMs }, newWatermarkMs) {
      const known = mark(hashTag)
      const { runId, atMs } = writtenBy(hashTag)
      if (known === undefined || runId !== `run${run}` || clock() - atMs > markStillMs) return false
      if (known.generation !== generation || known.timeline !== timeline) return false
      if (known.watermarkMs !== watermarkMs) return false
      if (newWatermarkMs > known.watermarkMs) {
        const floorMs = Math.max(known.floorMs, newWatermarkMs)
        writeMark(hashTag, { generation, timeline, watermarkMs: newWatermarkMs, floorMs })
      }
      return true
    },
    readMark: async (hashTag) => mark(hashTag),
    async renew(hashTag, wish) {
      const known = mark(hashTag)
      if (known !== undefined && known.timeline > wish.timeline) return undefined
      const generation = Math.max(wish.generation, known === undefined ? 0 : known.generation + 1)
      const floorMs = Math.max(wish.floorMs, known?.floorMs ?? 0)
      writeMark(hashTag, { generation, timeline: wish.timeline, watermarkMs: 0, floorMs })
      return generation
    },
  }
}
