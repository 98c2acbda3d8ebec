import { setTimeout as delay } from 'node:timers/promises'

export interface EventuallyOptions {
  /** 20 s unless told: what a busy machine needs; a bound that is promised is given. */
  readonly withinMs?: number
  readonly everyMs?: number
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Awaits a condition with a deadline: calls `probe` until it neither throws nor returns false, and gives back its
 * value. After the deadline it throws the probe's last error.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, false>> {
  const { withinMs = 20_000, everyMs = 20, signal } = options
  const deadlineMs = performance.now() + withinMs
  for (;;) {
    signal?.throwIfAborted()
    let failure: unknown
    try {
      const value = await probe()
      if (value !== false) return value as Exclude<T, false>
      failure = new Error('The condition is still false.')
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`Not so within ${withinMs} ms: ${(failure as Error).message}`, { cause: failure })
    }
    await delay(everyMs)
  }
}
