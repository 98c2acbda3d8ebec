/**
 * L1: the links this process knows, bounded in bytes, and the codes the primary said it does not have, in a small
 * space of their own, so that a scan of guessed codes drives no link out.
 */
import type { KnownCopy } from '../ports.ts'
import { sketchFor } from './frequency-sketch.ts'
import { absenceForMs, compareOrder, isFresh } from './freshness.ts'
import { SieveCache } from './sieve-cache.ts'

/** Codes hold no slash, so the key of another domain meets no code. */
export function linkKeyOf(domainId: number, code: string): string {
  return domainId === 1 ? code : `${domainId}/${code}`
}

export interface RememberedLink extends KnownCopy {
  /** Which feed of changes kept it current: after a gap in the feed it no longer counts as fresh. */
  readonly epoch: number
  /** When it was last decided to read it anew in the background. */
  refreshedAtMs: number
}

interface Absence {
  readonly sinceMs: number
  readonly tombstone: KnownCopy | undefined
}

/** Offered with this epoch, a copy is kept for the time when nobody can say, and is never fresh by itself. */
export const neverFreshEpoch = -1

/** Map node, cache node, entry, copy and its key: measured at about 416 bytes beside the characters. */
const entryOverheadBytes = 416
/** With a target of some eighty characters. It only sets how large the sketch of frequencies is. */
const entryUsualBytes = 576

export class LinkMemory {
  readonly #links: SieveCache<RememberedLink>
  readonly #absences = new Map<string, Absence>()
  readonly #absencesMax: number
  readonly #sketchBytes: number
  #epoch = 0
  #newestTimeline = 0

  constructor(options: { readonly bytesMax: number; readonly absencesMax: number }) {
    const sketch = sketchFor(Math.ceil(options.bytesMax / entryUsualBytes))
    this.#links = new SieveCache(options.bytesMax - sketch.bytes, sketch)
    this.#sketchBytes = sketch.bytes
    this.#absencesMax = options.absencesMax
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
    return this.#links.get(key)
  }

  isFresh(link: RememberedLink, nowMs: number): boolean {
    return link.epoch === this.#epoch && isFresh(link.asOfMs, nowMs)
  }

  /**
   * Offers a copy that was just read; keeps the newer state, and of one state the later `asOf`. Gives back what is
   * kept. `epoch` is that of the moment the read began: a gap in the feed since then makes the copy not fresh.
   */
  offer(key: string, known: KnownCopy, epoch: number): KnownCopy {
    this.#newestTimeline = Math.max(this.#newestTimeline, known.copy.timeline)
    const current = this.#links.peek(key)
    const order = current === undefined ? -1 : compareOrder(current.copy, known.copy)
    if (current !== undefined && order > 0) return current
    const same = order === 0 ? current : undefined
    const kept: RememberedLink = {
      copy: known.copy,
      asOfMs: Math.max(known.asOfMs, same?.asOfMs ?? 0),
      epoch: Math.max(epoch, same?.epoch ?? epoch),
      refreshedAtMs: current?.refreshedAtMs ?? 0,
    }
    this.#links.set(key, kept, entryOverheadBytes + key.length + 2 * known.copy.targetUrl.length)
    return kept
  }

  /** The feed told of a change: updates a link that is here, inserts none, and forgets that the code was absent. */
  change(key: string, known: KnownCopy): void {
    this.#newestTimeline = Math.max(this.#newestTimeline, known.copy.timeline)
    this.#absences.delete(key)
    if (this.#links.peek(key) !== undefined) this.offer(key, known, this.#epoch)
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
