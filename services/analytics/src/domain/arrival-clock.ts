/**
 * The clock by which records of a log are judged when nobody wrote down when they were applied. Times of records are
 * told by their producers: one may be none at all, or a lie.
 */
import { type ClickRecord, readRecords } from './batch-plan.ts'

/**
 * When these records had come at the earliest: not before `beforeMs`, the clock of what lies before them, nor before
 * any click in them happened. Never after `latestMs`, by which they had been applied, so a time beyond it tells nothing.
 * In doubt it is late rather than early, which would set clicks aside as too far ahead although they were counted.
 */
export function arrivedByMs(records: readonly ClickRecord[], beforeMs: number, latestMs: number): number {
  let clockMs = beforeMs
  for (const { record, message } of readRecords(records, latestMs)) {
    if (record.timestampMs <= latestMs) clockMs = Math.max(clockMs, record.timestampMs)
    if (message.kind === 'poison') continue
    for (const { atMs } of message.clicks) clockMs = Math.max(clockMs, atMs)
  }
  return Math.min(clockMs, latestMs)
}
