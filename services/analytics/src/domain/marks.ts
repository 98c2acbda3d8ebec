/**
 * Exactly once, by sequence marks: a producer numbers its clicks, and one partition receives them in order, so the
 * highest sequence applied tells of every click of that producer and partition whether it has been counted.
 * (The idea is that of TCP's acknowledgement numbers and of Kafka's own idempotent producer.)
 */
import type { Click } from '@linkfleet/contracts/clicks'
import { dayMs } from './grains.ts'

/** Marks are dropped after this time without a click of their producer. */
export const markRetentionMs = 90 * dayMs

/**
 * Older clicks are refused: their producer's mark may be gone, so nobody can say whether they were counted. A day
 * less than the marks live, which covers clocks that differ.
 */
export const clickAgeMsMax = markRetentionMs - dayMs

export interface TakenClicks {
  /** Neither counted before nor too old. */
  readonly fresh: readonly Click[]
  readonly duplicates: number
  readonly refused: number
}

/** Which clicks of one message are to be counted, when those up to `mark` have been. */
export function takeNewClicks(clicks: readonly Click[], mark: number, nowMs: number): TakenClicks {
  const oldestMs = nowMs - clickAgeMsMax
  const unseen = clicks.filter((click) => click.sequence > mark)
  const fresh = unseen.filter((click) => click.atMs >= oldestMs)
  return {
    fresh,
    duplicates: clicks.length - unseen.length,
    refused: unseen.length - fresh.length,
  }
}
