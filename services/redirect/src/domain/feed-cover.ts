/**
 * What the feed of changes says by its silence. A mark follows the one before it in its partition (see the contract): who
 * has read both, and all between, was told of every change that was committed from the first one's look on until the
 * moment that the second one names. So a copy that was current at that look, and that the feed told nothing of, still is.
 * Nothing is known across a gap in the feed, nor of copies from before it: those are not asked about here.
 */

import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import type { FeedMark } from '@linkfleet/contracts/link-changes'
import { hashLinkKey, partitionOf } from '@linkfleet/contracts/partition'

/** A run of marks in one partition, each of which follows the one before. */
interface Run {
  readonly lastOffset: number
  readonly timeline: number
  /** What was current at this moment and was not told of since is current; undefined after the first mark of a run. */
  readonly sinceMs: number | undefined
  readonly knownAtMs: number
}

/** What a primary's clock may be ahead of ours, where a moment of ours is compared with one of its. */
const skewMaxMs = 5_000
/**
 * The feed confirms a copy for so long at most, so that whatever Kafka might lose is made good within a minute; and for up
 * to that much less, by its code, so that copies that were read at once are not all read anew at once.
 */
const coverForMs = 50_000
const coverSpreadMs = 20_000

export class FeedCover {
  readonly #runs = new Map<number, Run>()
  #partitionCount = 0
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
    if (partitionCount !== this.#partitionCount) {
      this.#partitionCount = partitionCount
      this.#runs.clear()
    }
    // On a primary whose clock runs ahead the moment lies in our future; copies are judged by our clock.
    const knownAtMs = Math.min(mark.knownAtMs, nowMs)
    const run = this.#runs.get(partition)
    const follows = run !== undefined && run.lastOffset === previous?.offset && run.timeline === timeline
    if (!follows) this.#runs.set(partition, { lastOffset: offset, timeline, sinceMs: undefined, knownAtMs })
    else {
      const sinceMs = run.sinceMs ?? previous?.takenAtMs
      this.#runs.set(partition, { lastOffset: offset, timeline, sinceMs, knownAtMs })
    }
  }

  /** The latest moment at which a copy is known to have been current that was so at `asOfMs`. */
  knownAtMs(copy: LinkCopy, asOfMs: number): number {
    const { domainId, code, timeline } = copy
    const run = this.#runs.get(partitionOf(domainId, code, Math.max(1, this.#partitionCount)))
    if (run?.sinceMs === undefined || timeline !== run.timeline) return asOfMs
    if (asOfMs < run.sinceMs || asOfMs <= this.#forgottenAtMs) return asOfMs
    const untilMs = asOfMs + coverForMs - (hashLinkKey(domainId, code) % coverSpreadMs)
    return Math.max(asOfMs, Math.min(run.knownAtMs, untilMs))
  }

  /** The moment that is known of every partition; undefined while there is none. For those who watch. */
  get allKnownAtMs(): number | undefined {
    const runs = [...this.#runs.values()].filter(({ sinceMs }) => sinceMs !== undefined)
    if (runs.length < Math.max(1, this.#partitionCount)) return undefined
    return Math.min(...runs.map(({ knownAtMs }) => knownAtMs))
  }
}
