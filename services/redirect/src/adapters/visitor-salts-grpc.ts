/**
 * Keeps the salts of this day and the next at hand, by asking analytics now and then. No click waits for it: as long
 * as analytics does not answer, the salts that are here serve, and those of past days go.
 */
import { StatsClient } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { VisitorSalts } from '../domain/visitor-salts.ts'

export interface VisitorSaltsOptions {
  /** Empty: visitors stay unknown. */
  readonly addresses: readonly string[]
  readonly salts: VisitorSalts
  readonly clock: () => number
  readonly failed: (cause: unknown) => void
  readonly metrics: Metrics
  readonly everyMs?: number
  readonly graceMs?: number
}

export interface VisitorSaltsGrpc extends AsyncDisposable {
  /**
   * Resolves with the first answer, or when `graceMs` went by without one. A process that is ready earlier counts
   * its first visitors as nobody; one that waited for longer would make redirects depend on statistics.
   */
  readonly settled: Promise<void>
  /** Whether the last question was answered. */
  state(): 'up' | 'down'
}

const deadlineMs = 2_000
/** Also how long two instances may differ after the salts were made anew, as they are when their table was lost. */
const askEveryMs = 60_000
const backoff = { baseMs: 250, maxMs: 10_000 }
/** Services of a fleet start together, and analytics may be the last of them. */
const startingBackoff = { baseMs: 100, maxMs: 500 }
const startingGraceMs = 10_000

/** undefined where nobody is to be asked. */
export function openVisitorSaltsGrpc(options: VisitorSaltsOptions): VisitorSaltsGrpc | undefined {
  const { addresses, salts, clock, metrics, everyMs = askEveryMs, graceMs = startingGraceMs } = options
  if (addresses.length === 0) return undefined
  const stopping = new AbortController()
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
  const grace = setTimeout(settle, graceMs)
  let isStarting = true
  void settled.then(() => {
    isStarting = false
  })
  let isAnswering = false

  async function keepAsking(): Promise<void> {
    using client = openGrpcClient(StatsClient, { addresses, deadlineMs, metrics })
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        const answer = await client.call((stats) => stats.getVisitorSalts, {}, { signal: stopping.signal })
        salts.keep(answer.salts, clock())
        failures = 0
        settle()
      } catch (cause) {
        salts.forgetPast(clock())
        failures += 1
        if (!stopping.signal.aborted) options.failed(cause)
      }
      isAnswering = failures === 0
      const waitMs = isAnswering ? everyMs : backoffMs(failures - 1, isStarting ? startingBackoff : backoff)
      await sleep(waitMs, stopping.signal)
    }
  }

  const asking = keepAsking()
  return {
    settled,
    state: () => (isAnswering ? 'up' : 'down'),
    async [Symbol.asyncDispose]() {
      clearTimeout(grace)
      stopping.abort()
      await asking
    },
  }
}
