import { describe, expect, test } from 'vitest'
import type { StandbyReading } from '../ports.ts'
import { createStandbyFloor } from './standby-floor.ts'

const rules = { aheadMax: 100, standbyGraceMs: 5_000, standbyGapMs: 5_001 }
const here = '7/0000000A'
const lease = { shard: 3, epoch: 1, place: here }
const at = (nextValue: number, place = here): StandbyReading => ({
  kind: 'standby',
  shards: new Map([[3, { nextValue, place }]]),
})
const silent: StandbyReading = { kind: 'silent' }

function ceilingAfter(...observations: [readings: StandbyReading[], nowMs: number][]): number | undefined {
  const floor = createStandbyFloor(observations[0]![0].length, rules)
  for (const [readings, nowMs] of observations) floor.observe(readings, nowMs)
  return floor.ceiling(lease)
}

describe('the ceiling of a shard', () => {
  test('is the smallest value on any standby, and what a new primary skips', () => {
    expect(ceilingAfter([[at(50), at(40), at(60)], 0])).toBe(140)
  })

  test('is nowhere when there is no standby to promote', () => {
    expect(createStandbyFloor(0, rules).ceiling(lease)).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('is unknown before each standby was heard, so nothing may be reserved', () => {
    expect(createStandbyFloor(1, rules).ceiling(lease)).toBeUndefined()
    expect(ceilingAfter([[at(50), silent], 0])).toBeUndefined()
    expect(ceilingAfter([[at(50), { kind: 'standby', shards: new Map() }], 0])).toBeUndefined()
  })

  test('is unknown while a standby has not replayed the skip at this place', () => {
    expect(ceilingAfter([[at(50), at(40, '7/00000009')], 0])).toBeUndefined()
  })

  test('rests on the last answer of a standby that is silent, until the grace is over', () => {
    expect(ceilingAfter([[at(50), at(40)], 0], [[at(90), silent], 1_000])).toBe(140)
    expect(ceilingAfter([[at(50), at(40)], 0], [[at(90), silent], 1_000], [[at(90), silent], 6_000])).toBe(
      140,
    )
    expect(ceilingAfter([[at(50), at(40)], 0], [[at(90), silent], 1_000], [[at(90), silent], 6_001])).toBe(
      190,
    )
  })

  test('forgets no standby because the process itself was frozen', () => {
    expect(ceilingAfter([[at(40)], 0], [[silent], 3_600_000])).toBe(140)
  })

  test('forgets no standby that may have been there between two looks', () => {
    expect(ceilingAfter([[at(40)], 0], [[silent], 1_000], [[silent], 3_600_000])).toBe(140)
    expect(ceilingAfter([[at(40)], 0], [[silent], 1_000], [[silent], 3_600_000], [[silent], 3_605_001])).toBe(
      Number.MAX_SAFE_INTEGER,
    )
  })

  test('counts a standby again that was forgotten and answers', () => {
    expect(ceilingAfter([[silent], 0], [[silent], 9_000], [[at(10)], 9_001])).toBe(110)
  })

  test('leaves out a server that is writable at this place or an earlier one', () => {
    expect(ceilingAfter([[at(50), { kind: 'writable', place: here }], 0])).toBe(150)
    expect(ceilingAfter([[at(50), { kind: 'writable', place: '7/00000009' }], 0])).toBe(150)
  })

  test('is unknown once another server was promoted after the one of the lease', () => {
    expect(ceilingAfter([[at(50), { kind: 'writable', place: '7/0000000B' }], 0])).toBeUndefined()
  })
})
