/** Waiting for something to become true, with a bound and a reason when it does not. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Waiting = {
  what: string
  timeoutMs: number
  intervalMs?: number
  signal?: AbortSignal | undefined
}

/** Asks until the answer is not undefined. A thrown error counts as "not yet" and is told when time runs out. */
export async function waitFor<T>(waiting: Waiting, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + waiting.timeoutMs
  let reason = ''
  for (;;) {
    waiting.signal?.throwIfAborted()
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      if (error instanceof NeverError) throw error
      reason = `: ${error instanceof Error ? error.message : String(error)}`
    }
    if (Date.now() > deadline)
      throw new Error(`${waiting.what} within ${waiting.timeoutMs / 1000} s${reason}`)
    await sleep(waiting.intervalMs ?? 50, undefined, { signal: waiting.signal })
  }
}

/** Thrown by a question whose answer can no longer come, so that nobody waits for it. */
export class NeverError extends Error {}
