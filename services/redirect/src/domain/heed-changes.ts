/** What the feed of changed links does to what this process knows: it makes changes prompt, and inserts nothing. */
import type { KnownCopy } from '../ports.ts'
import { type LinkMemory, linkKeyOf } from './link-memory.ts'
import type { VersionFloors } from './version-floors.ts'

export interface HeedChangesDependencies {
  readonly memory: LinkMemory
  readonly floors: VersionFloors
  readonly clock: () => number
}

export interface HeedChanges {
  /** Records may come twice, late, and in any order among links. */
  changed(link: KnownCopy['copy'], asOfMs: number): void
  /** Records may have been missed. */
  gap(): void
}

export function createHeedChanges({ memory, floors, clock }: HeedChangesDependencies): HeedChanges {
  return {
    changed(link, asOfMs) {
      const key = linkKeyOf(link.domainId, link.code)
      const nowMs = clock()
      floors.tell(key, link, nowMs)
      // On a primary whose clock runs ahead `asOf` lies in our future; memory judges it by our clock.
      memory.change(key, { copy: link, asOfMs: Math.min(asOfMs, nowMs) })
    },
    gap() {
      memory.markAllNotFresh()
    },
  }
}
