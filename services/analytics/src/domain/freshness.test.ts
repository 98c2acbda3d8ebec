import { describe, expect, it } from 'vitest'
import { oldestUnappliedAgeSeconds, type PartitionProgress } from './freshness.ts'

const nowMs = 1_000_000
const idle: PartitionProgress = {
  caughtUpAtMs: nowMs - 1_000,
  askedAtMs: nowMs - 1_000,
  lagRecords: 0,
  inHandOldestMs: undefined,
}
const age = (...partitions: PartitionProgress[]) => oldestUnappliedAgeSeconds(partitions, undefined, nowMs)

describe('the age of the oldest click that is not counted', () => {
  it('is 0 when everything is counted, and in a group that gave it no partition', () => {
    expect(age(idle, idle)).toBe(0)
    expect(age()).toBe(0)
  })

  it('is at least the time spent in no group', () => {
    expect(oldestUnappliedAgeSeconds([], nowMs - 9_000, nowMs)).toBe(9)
    const lagging = { ...idle, lagRecords: 3, caughtUpAtMs: nowMs - 7_000 }
    expect(oldestUnappliedAgeSeconds([lagging], nowMs - 9_000, nowMs)).toBe(9)
    expect(oldestUnappliedAgeSeconds([lagging], nowMs - 2_000, nowMs)).toBe(7)
  })

  it('reaches back to when a lagging partition was last caught up', () => {
    expect(age(idle, { ...idle, lagRecords: 3, caughtUpAtMs: nowMs - 7_000 })).toBe(7)
  })

  it('is that of the oldest click in hand', () => {
    expect(age({ ...idle, inHandOldestMs: nowMs - 90_000 })).toBe(90)
  })

  it('rises while Kafka does not say how far the log reaches', () => {
    expect(age({ ...idle, askedAtMs: nowMs - 6_000, caughtUpAtMs: nowMs - 6_000 })).toBe(6)
  })
})
