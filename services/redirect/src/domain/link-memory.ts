/**
 * L1: the links this process knows, bounded in bytes, and the codes the primary said it does not have, in a small
 * space of their own, so that a scan of guessed codes drives no link out.
 */
import type { KnownCopy } from '../ports.ts'
import type { FeedCover } from './feed-cover.ts'
import { sketchFor } from './frequency-sketch.ts'
import { absenceForMs, type CopyOrder, compareOrder, isFresh } from './freshness.ts'
import { SieveCache, valueBytesMax } from './sieve-cache.ts'
import { decodeStored, encodeStored, isPlainLink } from './stored-link.ts'

/** Codes hold no slash, so the key of another domain meets no code. */
export function linkKeyOf(domainId: number, code: string): string {
  return domainId === 1 ? code : `${domainId}/${code}`
}

/** A copy as it is kept now; what becomes of it later is not seen here. */
export interface RememberedLink extends KnownCopy {
  /** Which feed of changes kept it current: after a gap in the feed it no longer counts as fresh. */
  readonly epoch: number
  /** When it was last decided to read it anew in the background. */
  readonly refreshedAtMs: number
}

interface Absence {
  readonly sinceMs: number
  readonly tombstone: KnownCopy | undefined
}

/** Offered with this epoch, a copy is kept for the time when nobody can say, and is never fresh by itself. */
export const neverFreshEpoch = -1

/** A link of a usual target. It only sets how large the sketch of frequencies is. */
const entryUsualBytes = 256
/** Of the arrays below, for each place. */
const placeBytes = 32

export interface LinkMemoryOptions {
  /** All of it: what was never used takes no memory yet. */
  readonly bytesMax: number
  readonly absencesMax: number
  /** Confirms copies that were learned since the last gap in the feed. */
  readonly cover?: Pick<FeedCover, 'knownAtMs'>
  /** 32 bits that clients do not know, so that nobody can make up codes that share a place in the index. */
  readonly seed?: number
}

export class LinkMemory {
  readonly #links: SieveCache
  readonly #asOfMs: Float64Array
  readonly #refreshedAtMs: Float64Array
  readonly #version: Float64Array
  readonly #timeline: Uint32Array
  readonly #epochOf: Int32Array
  /** A value on its way in or out. */
  readonly #room = Buffer.allocUnsafeSlow(valueBytesMax)
  readonly #absences = new Map<string, Absence>()
  readonly #absencesMax: number
  readonly #sketchBytes: number
  readonly #cover: Pick<FeedCover, 'knownAtMs'> | undefined
  #epoch = 0
  #newestTimeline = 0

  constructor({ bytesMax, absencesMax, cover, seed = 0 }: LinkMemoryOptions) {
    this.#cover = cover
    const sketch = sketchFor(Math.ceil(bytesMax / entryUsualBytes))
    this.#links = new SieveCache({ bytesMax: bytesMax - sketch.bytes, sketch, placeBytes, seed })
    const places = this.#links.placeMax + 1
    this.#asOfMs = new Float64Array(places)
    this.#refreshedAtMs = new Float64Array(places)
    this.#version = new Float64Array(places)
    this.#timeline = new Uint32Array(places)
    this.#epochOf = new Int32Array(places)
    this.#sketchBytes = sketch.bytes
    this.#absencesMax = absencesMax
  }

  get bytes(): number {
    return this.#links.bytes + this.#sketchBytes
  }

  get size(): number {
    return this.#links.size
  }

  get evictions(): number {
    return this.#links.evictions
  }

  get absences(): number {
    return this.#absences.size
  }

  /** The copy that is kept, fresh or not. */
  get(key: string): RememberedLink | undefined {
    const place = this.#links.get(key)
    return place === 0 ? undefined : this.#remembered(place, key)
  }

  /** The same, not counted as asking for it. */
  peek(key: string): RememberedLink | undefined {
    const place = this.#links.peek(key)
    return place === 0 ? undefined : this.#remembered(place, key)
  }

  /** Which state of the link is kept. Not counted as asking for it. */
  order(key: string): CopyOrder | undefined {
    const place = this.#links.peek(key)
    return place === 0 ? undefined : this.#orderOf(place)
  }

  isFresh(link: RememberedLink, nowMs: number): boolean {
    return link.epoch === this.#epoch && isFresh(link.asOfMs, nowMs)
  }

  /** Notes that it was decided to read the link anew. */
  refreshing(key: string, nowMs: number): void {
    const place = this.#links.peek(key)
    if (place !== 0) this.#refreshedAtMs[place] = nowMs
  }

  /**
   * Offers a copy that was just read; keeps the newer state, and of one state the later `asOf`. Gives back what is
   * kept. `epoch` is that of the moment the read began: a gap in the feed since then makes the copy not fresh.
   */
  offer(key: string, known: KnownCopy, epoch: number): KnownCopy {
    const { copy, asOfMs } = known
    this.#newestTimeline = Math.max(this.#newestTimeline, copy.timeline)
    const current = this.#links.peek(key)
    const order = current === 0 ? -1 : compareOrder(this.#orderOf(current), copy)
    if (order > 0) return this.#remembered(current, key)
    if (order === 0) {
      const kept = { copy, asOfMs: Math.max(asOfMs, this.#asOfMs[current] as number) }
      const place = isPlainLink(copy, key) ? current : this.#store(key, copy)
      this.#note(place, kept, Math.max(epoch, this.#epochOf[current] as number))
      return kept
    }
    const place = this.#store(key, copy)
    if (current === 0) this.#refreshedAtMs[place] = 0
    this.#note(place, known, epoch)
    return known
  }

  #store(key: string, copy: KnownCopy['copy']): number {
    return this.#links.set(key, encodeStored(copy, key, this.#room))
  }

  /** What memory did not take has place 0, which nobody looks at. */
  #note(place: number, { copy, asOfMs }: KnownCopy, epoch: number): void {
    this.#asOfMs[place] = asOfMs
    this.#version[place] = copy.version
    this.#timeline[place] = copy.timeline
    this.#epochOf[place] = epoch
  }

  #orderOf(place: number): CopyOrder {
    return { timeline: this.#timeline[place] as number, version: this.#version[place] as number }
  }

  #remembered(place: number, key: string): RememberedLink {
    const version = this.#version[place] as number
    const timeline = this.#timeline[place] as number
    const bytes = this.#links.read(place, this.#room)
    const copy = decodeStored({ key, version, timeline }, this.#room, bytes)
    const epoch = this.#epochOf[place] as number
    const readAsOfMs = this.#asOfMs[place] as number
    // Of a timeline that was succeeded nobody says what is current, whoever still speaks of it.
    const isCovered = this.#cover !== undefined && epoch === this.#epoch && timeline === this.#newestTimeline
    return {
      copy,
      asOfMs: isCovered ? this.#cover.knownAtMs(copy, readAsOfMs) : readAsOfMs,
      epoch,
      refreshedAtMs: this.#refreshedAtMs[place] as number,
    }
  }

  /** The feed told of a change: updates a link that is here, inserts none, and forgets that the code was absent. */
  change(key: string, known: KnownCopy, epoch: number): void {
    this.#newestTimeline = Math.max(this.#newestTimeline, known.copy.timeline)
    this.#absences.delete(key)
    if (this.#links.peek(key) !== 0) this.offer(key, known, epoch)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The newest timeline of any copy seen: who speaks of an earlier one is not, or no longer, the primary. */
  get newestTimeline(): number {
    return this.#newestTimeline
  }

  /** The feed has a gap: what was learned before may have changed unheard. */
  markAllNotFresh(): void {
    this.#epoch += 1
    this.#absences.clear()
  }

  /** The primary said no. `sinceMs` is when it was asked, on our own clock. */
  setAbsent(key: string, sinceMs: number, tombstone: KnownCopy | undefined): void {
    this.#absences.delete(key)
    this.#absences.set(key, { sinceMs, tombstone })
    if (this.#absences.size <= this.#absencesMax) return
    const [oldest] = this.#absences.keys()
    if (oldest !== undefined) this.#absences.delete(oldest)
  }

  absent(key: string, nowMs: number): Absence | undefined {
    const absence = this.#absences.get(key)
    if (absence === undefined) return undefined
    if (nowMs >= absence.sinceMs && nowMs - absence.sinceMs <= absenceForMs) return absence
    this.#absences.delete(key)
    return undefined
  }
}
