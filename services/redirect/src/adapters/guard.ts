/**
 * Puts a deadline and a circuit breaker around a source, and turns its failures into misses. A source that is dead
 * or frozen then costs at most one deadline for each window of its breaker.
 */
import type { CircuitBreaker } from '../domain/circuit-breaker.ts'
import { withDeadline } from './deadline.ts'

export interface GuardOptions {
  readonly breaker: CircuitBreaker
  readonly deadlineMs: number
  readonly clock: () => number
  /** Told of each failure; must not throw. */
  readonly failed: (cause: unknown) => void
}

export type Guard = <T>(work: () => Promise<T>) => Promise<T | undefined>

export function createGuard(options: GuardOptions): Guard {
  const { breaker, deadlineMs, clock } = options
  return async function guard<T>(work: () => Promise<T>) {
    if (!breaker.allows(clock())) return undefined
    try {
      const result = await withDeadline(work(), deadlineMs)
      breaker.succeeded()
      return result
    } catch (cause) {
      breaker.failed(clock())
      options.failed(cause)
      return undefined
    }
  }
}
