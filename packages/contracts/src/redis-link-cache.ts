/**
 * Copies of links in Redis: the format, the keys and the protocol between their writers (shortener's write-through
 * and relay, redirect's fills) and their readers (redirect).
 *
 * An *entry* holds one link and `asOf`: the moment, on the primary's clock, at which that copy was known to be
 * current. Copying never renews it. A *mark*, one for each of 64 hash tags, holds the watermark W: every change
 * acknowledged before W is in Redis, so an entry of the mark's generation is current at least as of W. Entry and
 * mark share a slot, so one MGET reads both at one instant.
 *
 * What keeps W true:
 * - Copies are ordered by (timeline, version); an older one never replaces a newer.
 * - Only the relay moves W, by compare-and-set, and only after all outbox rows of the snapshot in which it saw the
 *   heartbeat W are in Redis.
 * - The relay writes only while generation and W are as it knows them: one that stood still and was succeeded would
 *   otherwise bring back, as current, what a change has replaced and Redis has since dropped.
 * - A fill whose `asOf` is before the mark's floor (at least W) could bring back what a change already replaced and
 *   Redis has since dropped: it is refused, and removes an older entry.
 * - A flush loses the mark; a restart or failover changes the server's run id; a promotion of Postgres changes the
 *   timeline. Each makes the relay start a new *generation*, in which entries of the one before have only their
 *   own `asOf`. It starts with W = 0 and the floor at the moment of the relay's snapshot, since changes that were
 *   done before it may be lost.
 * - Entries carry a TTL and marks none, and Redis is to evict by `volatile-ttl` (or never): then what was
 *   written last goes last, and a change is not lost between its write and the next move of W.
 */
import { LinkCopy } from './generated/linkfleet/links/v1/links.ts'
import { hashTagCount, hashTagOf } from './partition.ts'
import { type LinkCacheScripts, linkCacheScripts } from './redis-link-cache-scripts.ts'
import { createLinkWrites } from './redis-link-cache-writes.ts'

/** Entries are of no use to anybody after this time: nothing older is ever served. */
export const entryTtlMs = 24 * 60 * 60 * 1000

const formatVersion = 1
/** Format (1), generation (8), then the body: timeline (8), version (8), asOf (8), the protobuf of the link. */
const headerBytes = 33
const bodyOffset = 9

export interface FreshLink {
  readonly copy: LinkCopy
  readonly asOfMs: number
}

/** With the mark of its hash tag as the relay knows it. */
export interface RelayedLink extends FreshLink {
  readonly generation: number
  readonly watermarkMs: number
}

/** What names a link. */
export interface LinkName {
  readonly domainId: number
  readonly code: string
}

export interface LinkEntry extends FreshLink {
  readonly generation: number
}

export interface LinkMark {
  readonly generation: number
  readonly timeline: number
  /** W, in milliseconds; 0 until the first move of a generation. */
  readonly watermarkMs: number
  readonly floorMs: number
}

/** The key of a link's entry. `prefix` is the REDIS_KEY_PREFIX of the fleet, `lf:` by default. */
export function entryKey(prefix: string, domainId: number, code: string): string {
  return `${prefix}link:{${hashTagOf(domainId, code)}}:${domainId}:${code}`
}

export function markKey(prefix: string, hashTag: number): string {
  return `${prefix}mark:{${hashTag}}`
}

/** What a writer sends: an entry without the generation, which the script takes from the mark. */
export function encodeBody({ copy, asOfMs }: FreshLink): Buffer {
  const link = LinkCopy.encode(copy).finish()
  const body = Buffer.allocUnsafe(headerBytes - bodyOffset + link.length)
  body.writeDoubleBE(copy.timeline, 0)
  body.writeDoubleBE(copy.version, 8)
  body.writeDoubleBE(asOfMs, 16)
  body.set(link, headerBytes - bodyOffset)
  return body
}

/** The entry in a value; undefined when it is of another format or damaged. */
export function decodeEntry(value: Buffer): LinkEntry | undefined {
  if (value.length <= headerBytes || value[0] !== formatVersion) return undefined
  try {
    const copy = LinkCopy.decode(value.subarray(headerBytes))
    return { generation: value.readDoubleBE(1), asOfMs: value.readDoubleBE(25), copy }
  } catch {
    return undefined
  }
}

const markPattern = /^(\d+) (\d+) (\d+) (\d+) \S+$/

export function decodeMark(value: Buffer | string | null): LinkMark | undefined {
  const parts = value === null ? null : markPattern.exec(value.toString())
  if (parts === null) return undefined
  const [generation = 0, timeline = 0, watermarkMs = 0, floorMs = 0] = parts.slice(1).map(Number)
  return { generation, timeline, watermarkMs, floorMs }
}

/**
 * What a read of entry and mark proves. `asOfMs` is the later of the entry's own and W; an entry of another
 * generation or timeline than the mark's, or without a mark, has only its own.
 */
export function judgeEntry(entryValue: Buffer | null, markValue: Buffer | null): FreshLink | undefined {
  return judge(entryValue, decodeMark(markValue))
}

function judge(entryValue: Buffer | null, mark: LinkMark | undefined): FreshLink | undefined {
  const entry = entryValue === null ? undefined : decodeEntry(entryValue)
  if (entry === undefined) return undefined
  const covered =
    mark !== undefined && mark.generation === entry.generation && mark.timeline === entry.copy.timeline
  return { copy: entry.copy, asOfMs: covered ? Math.max(entry.asOfMs, mark.watermarkMs) : entry.asOfMs }
}

/** Whether `one` is a newer copy than `other`: the order of (timeline, version). */
export function isNewerCopy(
  one: Pick<LinkCopy, 'timeline' | 'version'>,
  other: Pick<LinkCopy, 'timeline' | 'version'>,
): boolean {
  return one.timeline > other.timeline || (one.timeline === other.timeline && one.version > other.version)
}

/** What is asked of a Redis client; ioredis's `Redis` and `Cluster` have it. */
export interface RedisCommands {
  defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void
  /** Whether the keys of one command must share a slot. */
  readonly isCluster: boolean
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>
  pipeline(commands: string[][]): { exec(): Promise<[Error | null, unknown][] | null> }
}

/** `failed`: this entry could not be read or written, whatever became of others in the same call. */
export type PutOutcome = 'stored' | 'kept' | 'refused' | 'no-mark' | 'other-generation' | 'failed'

export interface MarkState {
  readonly generation: number
  readonly timeline: number
  readonly watermarkMs: number
}

/** All of these throw what the client throws: a caller decides what Redis being away means. */
export interface RedisLinkCache {
  /** One MGET. undefined: not cached. */
  read(domainId: number, code: string): Promise<FreshLink | undefined>
  /** As `read` of each, in order, in one round trip; of one that fails, all fail. */
  readAll(links: readonly LinkName[]): Promise<(FreshLink | undefined)[]>
  /** A fill after a read of Postgres, or the write-through after a commit. */
  fill(link: FreshLink): Promise<PutOutcome>
  /** As `fill` of each, in order, in as few calls as may be; of calls that fail, all fail. */
  fillAll(links: readonly FreshLink[]): Promise<PutOutcome[]>
  /** The relay's write of a committed change; 'other-generation' when the mark is not the one the relay knows. */
  apply(link: RelayedLink): Promise<PutOutcome>
  /**
   * As `apply` of each, in order. A copy that is there already, in that generation, is not sent again: it is 'kept'.
   * A call that fails leaves its links 'failed' and tells `onFailure` why.
   */
  applyAll(links: readonly RelayedLink[], onFailure: (error: unknown) => void): Promise<PutOutcome[]>
  /** Moves W of one hash tag. False: the mark is not as `known` says, or the server is another one. */
  advance(hashTag: number, known: MarkState, watermarkMs: number): Promise<boolean>
  /** undefined: there is no mark, or it cannot be read. */
  readMark(hashTag: number): Promise<LinkMark | undefined>
  /** Starts a new generation of one hash tag. Returns its number; undefined when this timeline is superseded. */
  renew(
    hashTag: number,
    wish: { generation: number; timeline: number; floorMs: number },
  ): Promise<number | undefined>
}

export { hashTagCount, hashTagOf }

/** Binds the protocol to a client. Defining the scripts sends nothing. */
export function createRedisLinkCache(client: RedisCommands, prefix: string): RedisLinkCache {
  for (const [name, definition] of Object.entries(linkCacheScripts)) client.defineCommand(name, definition)
  const scripts = client as unknown as LinkCacheScripts

  const writes = createLinkWrites(client, prefix, scripts)

  /** Where the keys of a command must share a slot: each entry with its mark, in one pipeline. */
  async function readEach(links: readonly LinkName[]): Promise<(FreshLink | undefined)[]> {
    const commands = links.map(({ domainId, code }) => {
      return ['mgetBuffer', entryKey(prefix, domainId, code), markKey(prefix, hashTagOf(domainId, code))]
    })
    const answers = (await client.pipeline(commands).exec()) ?? []
    return links.map((_link, place) => {
      const [failure, values] = answers[place] ?? [new Error('the pipeline was not answered'), undefined]
      if (failure !== null) throw failure
      const [entry = null, markValue = null] = values as (Buffer | null)[]
      return judgeEntry(entry, markValue)
    })
  }

  return {
    async read(domainId, code) {
      const mark = markKey(prefix, hashTagOf(domainId, code))
      const [entry = null, markValue = null] = await client.mgetBuffer(entryKey(prefix, domainId, code), mark)
      return judgeEntry(entry, markValue)
    },
    async readAll(links) {
      if (links.length === 0) return []
      if (client.isCluster) return await readEach(links)
      const tags = links.map(({ domainId, code }) => hashTagOf(domainId, code))
      const marked = [...new Set(tags)]
      const values = await client.mgetBuffer(
        ...links.map(({ domainId, code }) => entryKey(prefix, domainId, code)),
        ...marked.map((tag) => markKey(prefix, tag)),
      )
      const marks = new Map(marked.map((tag, at) => [tag, decodeMark(values[links.length + at] ?? null)]))
      return tags.map((tag, place) => judge(values[place] ?? null, marks.get(tag)))
    },
    ...writes,
    async advance(hashTag, known, watermarkMs) {
      const { generation, timeline, watermarkMs: from } = known
      const key = markKey(prefix, hashTag)
      return (await scripts.linkfleetAdvance(key, generation, timeline, from, watermarkMs)) === 1
    },
    async readMark(hashTag) {
      const [value = null] = await client.mgetBuffer(markKey(prefix, hashTag))
      return decodeMark(value)
    },
    async renew(hashTag, { generation, timeline, floorMs }) {
      const key = markKey(prefix, hashTag)
      const renewed = await scripts.linkfleetRenew(key, generation, timeline, floorMs)
      return renewed < 0 ? undefined : renewed
    },
  }
}
