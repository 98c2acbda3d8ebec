/**
 * What the feed of changes says by its silence. A mark follows the one before it in its partition (see the contract): who
 * has read both, and all between, was told of every change that was committed from the first one's look on until the
 * moment that the second one names. So a copy that was current at that look, and that the feed told nothing of, still is.
 * Nothing is known across a gap in the feed, nor of copies from before it: those are not asked about here.
 */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { FeedMark } from '@linkfleet/contracts/link-changes'
import { hashLinkKey } from '@linkfleet/contracts/partition'

/** What was current at `sinceMs`, and was not told of, was current at `knownAtMs`. */
interface Known {
  readonly sinceMs: number
  readonly knownAtMs: number
}

/** A run of marks in one partition, each of which follows the one before. */
interface Run {
  readonly lastOffset: number
  /** undefined after the first mark of a run. */
  readonly known: Known | undefined
  /** Of the run before this one: it stays true, and grows no more. */
  readonly former: Known | undefined
}

/** What a primary's clock may be ahead of ours, where a moment of ours is compared with one of its. */
const skewMaxMs = 10_000
/**
 * The feed confirms a copy for so long at most, so that whatever Kafka might lose is made good within a minute; and for up
 * to that much less, by its code, so that copies that were read at once are not all read anew at once.
 */
const coverForMs = 50_000
const coverSpreadMs = 20_000

export class FeedCover {
  /** By partition; all of the same number of partitions and the same timeline. */
  readonly #runs = new Map<number, Run>()
  #partitionCount = 0
  #timeline = 0
  #forgottenAtMs = Number.NEGATIVE_INFINITY

  /** Something may have been missed. */
  gap(): void {
    this.#runs.clear()
  }

  /** A change that was told of is no longer remembered, so a copy from before now may be older than it. */
  forgot(nowMs: number): void {
    this.#forgottenAtMs = nowMs + skewMaxMs
  }

  /** Records of a partition come in their order. */
  marked(mark: FeedMark, partition: number, offset: number, nowMs: number): void {
    const { timeline, partitionCount, previous } = mark
    // Of a primary that was succeeded and does not know.
    if (timeline < this.#timeline) return
    if (partitionCount !== this.#partitionCount || timeline !== this.#timeline) this.#runs.clear()
    this.#partitionCount = partitionCount
    this.#timeline = timeline
    // On a primary whose clock runs ahead the moment lies in our future; copies are judged by our clock.
    const knownAtMs = Math.min(mark.knownAtMs, nowMs)
    const run = this.#runs.get(partition)
    const isNext = run !== undefined && run.lastOffset === previous?.offset
    this.#runs.set(partition, {
      lastOffset: offset,
      known: isNext ? { sinceMs: run.known?.sinceMs ?? previous!.takenAtMs, knownAtMs } : undefined,
      former: isNext ? run.former : (run?.known ?? run?.former),
    })
  }

  /** The latest moment at which a copy is known to have been current that was so at `asOfMs`. */
  knownAtMs(copy: LinkCopy, asOfMs: number): number {
    const hash = hashLinkKey(copy.domainId, copy.code)
    const run = this.#runs.get(hash % this.#partitionCount)
    if (run === undefined || copy.timeline !== this.#timeline || asOfMs <= this.#forgottenAtMs) return asOfMs
    const untilMs = asOfMs + coverForMs - (hash % coverSpreadMs)
    return Math.max(
      asOfMs,
      Math.min(Math.max(confirmed(run.known, asOfMs), confirmed(run.former, asOfMs)), untilMs),
    )
  }

  /** The moment that is known of every partition; undefined while there is none. For those who watch. */
  get allKnownAtMs(): number | undefined {
    const known = [...this.#runs.values()].flatMap((run) => run.known ?? [])
    if (known.length < Math.max(1, this.#partitionCount)) return undefined
    return Math.min(...known.map(({ knownAtMs }) => knownAtMs))
  }
}

function confirmed(known: Known | undefined, asOfMs: number): number {
  return known === undefined || asOfMs < known.sinceMs ? asOfMs : known.knownAtMs
}
