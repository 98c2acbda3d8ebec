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
 *   own `asOf`. It starts with W = 0 and the floor at the moment of the relay's snapshot, and after its heartbeat,
 *   since changes that were done before it may be lost.
 * - A mark that nobody wrote for a quarter of an entry's life, on Redis' own clock, is not moved but renewed. So the entry
 *   of a change that a move counts for has a quarter of its life left at least, and keeps out what it replaced, however
 *   long a fill was on its way.
 * - Entries carry a TTL and marks none, and Redis is to evict by `volatile-ttl` (or never): then what was
 *   written last goes last, and a change is not lost between its write and the next move of W.
 */
import { encoded } from './encoded.ts'
import { LinkCopy } from './generated/linkfleet/links/v1/link.ts'
import { hashTagOf } from './partition.ts'

/** Entries are of no use to anybody after this time: nothing older is ever served. */
export const entryTtlMs = 24 * 60 * 60 * 1000

/** A mark that was not written for longer needs a new generation. Far less than the time after which entries run out. */
export const markStillMs = entryTtlMs / 4

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

export interface LinkToRead extends LinkName {
  /**
   * A copy that the reader has: an entry of the same version is not decoded again. Not of a link with a password, of
   * which one version may be told with its verifier or without.
   */
  readonly held?: LinkCopy | undefined
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
  return entryKeyOf(prefix, hashTagOf(domainId, code), domainId, code)
}

/** The same where the hash tag is at hand. */
export function entryKeyOf(prefix: string, hashTag: number, domainId: number, code: string): string {
  return `${prefix}link:{${hashTag}}:${domainId}:${code}`
}

export function markKey(prefix: string, hashTag: number): string {
  return `${prefix}mark:{${hashTag}}`
}

/** What a writer sends: an entry without the generation, which the script takes from the mark. */
export function encodeBody({ copy, asOfMs }: FreshLink): Buffer {
  const link = encoded(copy, LinkCopy)
  const body = Buffer.allocUnsafe(headerBytes - bodyOffset + link.length)
  body.writeDoubleBE(copy.timeline, 0)
  body.writeDoubleBE(copy.version, 8)
  body.writeDoubleBE(asOfMs, 16)
  body.set(link, headerBytes - bodyOffset)
  return body
}

/** The entry in a value; undefined when it is of another format or damaged. */
export function decodeEntry(value: Buffer, held?: LinkCopy): LinkEntry | undefined {
  if (value.length <= headerBytes || value[0] !== formatVersion) return undefined
  try {
    const isHeld =
      held !== undefined &&
      value.readDoubleBE(bodyOffset) === held.timeline &&
      value.readDoubleBE(bodyOffset + 8) === held.version
    const copy = isHeld ? held : LinkCopy.decode(value.subarray(headerBytes))
    return { generation: value.readDoubleBE(1), asOfMs: value.readDoubleBE(25), copy }
  } catch {
    return undefined
  }
}

/** What follows these is for the scripts alone: which server wrote the mark, and when on its clock. */
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
export function judgeEntry(
  entryValue: Buffer | null,
  mark: LinkMark | undefined,
  held?: LinkCopy,
): FreshLink | undefined {
  const entry = entryValue === null ? undefined : decodeEntry(entryValue, held)
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
