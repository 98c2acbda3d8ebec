// Runs upkeep rounds one after the other: at an interval, at once when somebody asks, and with backoff while they fail.

import { backoffMs, sleep } from '@linkfleet/runtime/backoff'

export interface UpkeepLoop extends AsyncDisposable {
  /** Asks for a round soon and does not wait for it. */
  wake(): void
  /**
   * Waits for the end of a round that began after this call. False when it failed, when the last one did and backs off, or
   * when very many wait already.
   */
  nextRound(signal: AbortSignal): Promise<boolean>
}

interface UpkeepLoopOptions {
  readonly round: () => Promise<void>
  readonly intervalMs: number
  readonly onFailure: (cause: unknown) => void
  readonly onRecovery: () => void
}

/** More than one instance can serve in one round. */
const waitingMax = 10_000
const BACKOFF = { baseMs: 50, maxMs: 1_000 }

export function startUpkeepLoop(options: UpkeepLoopOptions): UpkeepLoop {
  const stopped = new AbortController()
  let waking = new AbortController()
  let waiting: ((succeeded: boolean) => void)[] = []
  let failures = 0

  async function runRound(): Promise<void> {
    waking = new AbortController()
    const served = waiting
    waiting = []
    try {
      await options.round()
      if (failures > 0) options.onRecovery()
      failures = 0
    } catch (cause) {
      failures += 1
      if (failures === 1) options.onFailure(cause)
    }
    for (const resolve of served) resolve(failures === 0)
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await runRound()
      if (failures > 0) {
        await sleep(backoffMs(failures - 1, BACKOFF), stopped.signal)
      } else if (waiting.length === 0) {
        await sleep(options.intervalMs, AbortSignal.any([stopped.signal, waking.signal]))
      }
    }
    for (const resolve of waiting) resolve(false)
  }
  const running = run()

  return {
    wake: () => waking.abort(),
    nextRound(signal) {
      const isHopeless = failures > 0 || waiting.length >= waitingMax
      if (isHopeless || stopped.signal.aborted || signal.aborted) return Promise.resolve(false)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(false), { once: true })
      waking.abort()
      return promise
    },
    async [Symbol.asyncDispose]() {
      stopped.abort()
      await running
    },
  }
}
