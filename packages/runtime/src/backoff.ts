import { setTimeout as delay } from 'node:timers/promises'

export interface BackoffOptions {
  readonly baseMs: number
  readonly maxMs: number
}

/**
 * Exponential backoff with equal jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a wait between
 * half of and the whole of min(maxMs, baseMs · 2^attempt), so that it never spins. `attempt` counts from 0.
 */
export function backoffMs(
  attempt: number,
  options: BackoffOptions,
  random: () => number = Math.random,
): number {
  const ceilingMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 30))
  return ceilingMs / 2 + (random() * ceilingMs) / 2
}

/** Waits, or ends early when `signal` aborts. Never throws. */
export async function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(durationMs, undefined, signal === undefined ? {} : { signal })
  } catch {
    // Aborted: the caller looks at its own signal.
  }
}
