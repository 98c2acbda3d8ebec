// How far each shard's counter may run: a promoted replica may lack the last blocks, and what a new primary then skips
// (aheadMax) must cover them. So a counter never runs more than aheadMax ahead of the smallest value that was seen on
// any standby that could be promoted.
//
// A standby's row counts only when it carries the lease's own place: before that, the standby has not replayed the skip
// at this place, and may even have been rewound to less than it once showed.

import type { Lease, Place, StandbyReading } from '../ports.ts'
import type { ProtocolRules } from './rules.ts'

export interface StandbyFloor {
  /**
   * Takes one reading for each standby, always in the same order. An answer may be long on its way: silence begins no
   * earlier than it was told, and has lasted no longer than until it was asked about again.
   */
  observe(readings: readonly StandbyReading[], askedMs: number, answeredMs?: number): void
  /** The value beyond which no block of this lease may end; undefined when none may be reserved yet. */
  ceiling(lease: Lease): number | undefined
}

interface Standby {
  /** The last answer; 'silent' before the first. */
  reading: StandbyReading
  /** When the first of the readings since then was found silent, and when the newest of them. */
  silentSinceMs: number | undefined
  foundSilentMs: number
  forgotten: boolean
}

export function createStandbyFloor(
  standbyCount: number,
  rules: Pick<ProtocolRules, 'aheadMax' | 'standbyGraceMs' | 'standbyGapMs'>,
): StandbyFloor {
  const standbys: Standby[] = Array.from({ length: standbyCount }, () => ({
    reading: { kind: 'silent' },
    silentSinceMs: undefined,
    foundSilentMs: Number.NEGATIVE_INFINITY,
    forgotten: false,
  }))

  return {
    observe(readings, askedMs, answeredMs = askedMs) {
      for (const [index, reading] of readings.entries()) {
        const standby = standbys[index]!
        if (reading.kind !== 'silent') {
          standby.reading = reading
          standby.silentSinceMs = undefined
          standby.forgotten = false
          continue
        }
        // Its last answer holds for the grace: its values can only have grown at this place. The grace is silence that
        // was found again and again, not time gone by: a process that was frozen has not heard from anybody either.
        const hasLooked = askedMs - standby.foundSilentMs <= rules.standbyGapMs
        if (standby.silentSinceMs === undefined || !hasLooked) standby.silentSinceMs = answeredMs
        standby.foundSilentMs = answeredMs
        standby.forgotten = askedMs - standby.silentSinceMs > rules.standbyGraceMs
      }
    },
    ceiling(lease) {
      let floor = Number.POSITIVE_INFINITY
      for (const { reading, forgotten } of standbys) {
        if (forgotten) continue
        if (reading.kind === 'writable') {
          // The lease's own server, or one that it supersedes; but if it is the other way round, we are the stale side.
          if (isLaterLife(reading.place, lease.place)) return undefined
          continue
        }
        const row = reading.kind === 'standby' ? reading.shards.get(lease.shard) : undefined
        if (row === undefined || row.place !== lease.place) return undefined
        floor = Math.min(floor, row.nextValue)
      }
      // Without a standby nothing can be promoted, and nothing bounds the counter but its own end.
      return floor === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : floor + rules.aheadMax
    },
  }
}

function isLaterLife(one: Place, other: Place): boolean {
  const [oneSystem, oneTimeline = ''] = one.split('/')
  const [otherSystem, otherTimeline = ''] = other.split('/')
  return oneSystem === otherSystem && oneTimeline > otherTimeline
}
