/**
 * Where a consumer stands in a partition's log, and whether that log is still the one it read.
 *
 * The database knows the next offset and the fingerprint of the record before it. Before anything is applied after
 * an assignment, that record is read once more: when another one is in its place, the topic was made anew or lost
 * its end, and reading starts over at the earliest record that is kept, which the sequence marks make harmless.
 */

export interface StoredPosition {
  readonly nextOffset: number
  readonly fingerprint: string | null
}

/** Offsets of the first record that is kept and of the one that will be written next. */
export interface LogEnds {
  readonly low: number
  readonly high: number
}

export type StartDecision =
  /** Nothing is stored: the log is read from its start. Records before `at` were never read. */
  | { readonly kind: 'begin'; readonly at: number; readonly lostRecords: number }
  | { readonly kind: 'verify'; readonly nextOffset: number; readonly fingerprint: string }
  /** There is no record before the next one to compare. */
  | { readonly kind: 'continue'; readonly nextOffset: number }
  /** Retention deleted records that were never applied. */
  | {
      readonly kind: 'skip-lost'
      readonly from: number
      readonly to: number
      readonly lostRecords: number
    }
  | { readonly kind: 'rewind'; readonly from: number; readonly to: number }

export function decideStart(stored: StoredPosition | undefined, log: LogEnds): StartDecision {
  if (stored === undefined) return { kind: 'begin', at: log.low, lostRecords: log.low }
  const { nextOffset, fingerprint } = stored
  if (nextOffset > log.high) return { kind: 'rewind', from: nextOffset, to: log.low }
  if (nextOffset < log.low) {
    return { kind: 'skip-lost', from: nextOffset, to: log.low, lostRecords: log.low - nextOffset }
  }
  if (fingerprint === null || nextOffset === log.low) return { kind: 'continue', nextOffset }
  return { kind: 'verify', nextOffset, fingerprint }
}

export type Position =
  /** Being found out; nothing may be applied. */
  | { readonly kind: 'unknown' }
  /** Reading goes on at `nextOffset` - 1, whose record must have this fingerprint. */
  | { readonly kind: 'verifying'; readonly nextOffset: number; readonly fingerprint: string }
  | { readonly kind: 'following'; readonly nextOffset: number }

export type ArrivalDecision =
  /** Apply the batch without its first `skip` records, as the continuation of `from`. */
  | { readonly kind: 'apply'; readonly from: number; readonly skip: 0 | 1 }
  /** The log is another one. */
  | { readonly kind: 'rewind'; readonly from: number }
  /** The batch does not follow what was applied: find out where to go on. */
  | { readonly kind: 'resync' }
  /** It was on its way when delivery was paused; what it holds comes again. */
  | { readonly kind: 'ignore' }

/** What a batch begins with. */
export interface Arrival {
  readonly offset: number
  readonly fingerprint: () => string
  /**
   * Where the fetch began that brought it. Offsets may be missing in a log (control records, compaction), but never
   * records: a fetch brings all from where it began.
   */
  readonly fetchedFrom: number | undefined
}

export function decideArrival(position: Position, first: Arrival): ArrivalDecision {
  switch (position.kind) {
    case 'unknown':
      return { kind: 'ignore' }
    case 'verifying': {
      const { nextOffset, fingerprint } = position
      const isThere = first.offset === nextOffset - 1
      if (isThere && first.fingerprint() === fingerprint) return { kind: 'apply', from: nextOffset, skip: 1 }
      return isThere || first.fetchedFrom === nextOffset - 1
        ? { kind: 'rewind', from: nextOffset }
        : { kind: 'resync' }
    }
    case 'following': {
      const { nextOffset } = position
      const continues = first.offset === nextOffset || first.fetchedFrom === nextOffset
      return continues ? { kind: 'apply', from: nextOffset, skip: 0 } : { kind: 'resync' }
    }
  }
}
