/**
 * What a live stream tells of a count that grows. An event's id is the total itself, so a client that comes back with
 * the last id it saw is told exactly what has come since: the deltas it got always add up to the total.
 */

export interface LiveEvent {
  readonly total: number
  /** Clicks since the event before, of this stream or of the one that it continues; 0 in the first of a new stream. */
  readonly delta: number
}

export interface LiveCount {
  /** undefined when there is nothing new to tell. */
  next(total: number, nowMs: number): LiveEvent | undefined
}

/**
 * A database that is behind the one before it shows less for a while, never for longer than this: after it the smaller
 * number is the true one, since the database was restored from an older copy.
 */
export const behindMsMax = 15_000

const idPattern = /^\d{1,15}$/

/** The total that a Last-Event-ID stands for; undefined when it is none of ours. */
export function totalOfEventId(id: string): number | undefined {
  return idPattern.test(id) ? Number(id) : undefined
}

/** `lastTotal` is what the client knows already. */
export function liveCount(lastTotal: number | undefined): LiveCount {
  let told = lastTotal
  let behindSinceMs: number | undefined
  return {
    next(total, nowMs) {
      const before = told ?? total
      if (total < before) {
        behindSinceMs ??= nowMs
        if (nowMs - behindSinceMs < behindMsMax) return undefined
      }
      behindSinceMs = undefined
      if (total === told) return undefined
      told = total
      return { total, delta: total - before }
    },
  }
}
