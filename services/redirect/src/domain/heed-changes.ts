/** What the feed of changed links does to what this process knows: it makes changes prompt, and inserts nothing. */
import type { FeedMark } from '@linkfleet/contracts/link-changes'
import type { KnownCopy } from '../ports.ts'
import type { FeedCover } from './feed-cover.ts'
import { compareOrder, isFresh } from './freshness.ts'
import { type LinkMemory, linkKeyOf, neverFreshEpoch } from './link-memory.ts'
import type { VersionFloors } from './version-floors.ts'

export interface HeedChangesDependencies {
  readonly memory: LinkMemory
  readonly floors: VersionFloors
  readonly cover: FeedCover
  readonly clock: () => number
}

export interface HeedChanges {
  /** Records may come twice, late, and in any order among links. */
  changed(link: KnownCopy['copy'], asOfMs: number): void
  /** Marks of a partition come in their order, after the changes that come before them. */
  marked(mark: FeedMark, partition: number, offset: number): void
  /** Records may have been missed. */
  gap(): void
}

export function createHeedChanges({ memory, floors, cover, clock }: HeedChangesDependencies): HeedChanges {
  return {
    changed(link, asOfMs) {
      const key = linkKeyOf(link.domainId, link.code)
      const nowMs = clock()
      // Told late or again, of what was replaced as it has told before: what memory has of it is not current by that.
      if (compareOrder(link, floors.tell(key, link, nowMs)) < 0) return
      // On a primary whose clock runs ahead `asOf` lies in our future; memory judges it by our clock.
      const known = { copy: link, asOfMs: Math.min(asOfMs, nowMs) }
      // What replaced this one may have been told so long ago that its floor is forgotten: a read says whether it is current.
      const isLate = !isFresh(known.asOfMs, nowMs)
      memory.change(key, known, isLate ? neverFreshEpoch : memory.epoch)
    },
    marked(mark, partition, offset) {
      cover.marked(mark, partition, offset, clock())
    },
    gap() {
      cover.gap()
      memory.markAllNotFresh()
    },
  }
}
