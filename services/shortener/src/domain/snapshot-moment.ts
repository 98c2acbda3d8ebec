/** When a look at the outbox was taken, on the clock that copies of links are told by. */
import type { OutboxSnapshot } from '../ports.ts'

/**
 * In milliseconds. Heartbeats never go back, not even to another machine's clock: where the look's clock is behind them,
 * a copy may be of a later moment than it.
 */
export function momentOf({
  takenAtMs,
  heartbeatMs = 0,
}: Pick<OutboxSnapshot, 'takenAtMs' | 'heartbeatMs'>): number {
  return Math.max(takenAtMs, heartbeatMs + 1)
}
