/**
 * Freshness is a number: the moment at which a copy was known to be current. Copying never renews it, and copies
 * are ordered by (timeline, version), so that an older one never takes the place of a newer.
 */
import type { KnownCopy } from '../ports.ts'

/** A copy may be followed without asking anybody until this long after its `asOf`. */
export const freshForMs = 10_000
/** A copy that is asked for is read anew in the background once this old, so that nobody waits for it. */
export const refreshAfterMs = 7_000
/** So much later at most, one copy more and another less: what was read at once is not read anew at once. */
const refreshSpreadMs = 1_500
/** A 404 needs a no of the primary that is at most this old. */
export const absenceForMs = 1_000
/** When nobody can say what is current, a copy this old is still followed; an older one is not. */
export const staleForMs = 24 * 60 * 60 * 1_000

/** The place of a copy in the order of all copies of a link. */
export interface CopyOrder {
  readonly timeline: number
  readonly version: number
}

/** Below 0 when `a` is older than `b`, 0 when they are the same state of the link. */
export function compareOrder(a: CopyOrder, b: CopyOrder): number {
  return a.timeline === b.timeline ? a.version - b.version : a.timeline - b.timeline
}

export function laterOrder(a: CopyOrder | undefined, b: CopyOrder | undefined): CopyOrder | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return compareOrder(a, b) >= 0 ? a : b
}

/** An `asOf` that is further ahead than skew explains was told by a clock that has been set back since: nothing is known of its age. */
export function isFresh(asOfMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - asOfMs) < freshForMs
}

/** Whether a copy that is asked for is to be read anew while it still is fresh. */
export function isToRefresh(version: number, asOfMs: number, nowMs: number): boolean {
  return nowMs - asOfMs >= refreshAfterMs + (version % refreshSpreadMs)
}

/** The better of two copies for somebody who must do with what there is: the newer state, then the later `asOf`. */
export function betterCopy(a: KnownCopy | undefined, b: KnownCopy | undefined): KnownCopy | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  const order = compareOrder(a.copy, b.copy)
  if (order !== 0) return order > 0 ? a : b
  return a.asOfMs >= b.asOfMs ? a : b
}
