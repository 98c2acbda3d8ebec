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
}

const deadlineMs = 2_000
/** Also how long two instances may differ after the salts were made anew, as they are when their table was lost. */
const askEveryMs = 60_000
const backoff = { baseMs: 250, maxMs: 10_000 }

export function openVisitorSaltsGrpc(options: VisitorSaltsOptions): AsyncDisposable {
  if (options.addresses.length === 0) return { async [Symbol.asyncDispose]() {} }
  const stopping = new AbortController()
  const asking = keepAsking(options, stopping.signal)
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await asking
    },
  }
}

async function keepAsking(options: VisitorSaltsOptions, stopping: AbortSignal): Promise<void> {
  const { addresses, salts, clock, metrics, everyMs = askEveryMs } = options
  using client = openGrpcClient(StatsClient, { addresses, deadlineMs, metrics })
  let failures = 0
  while (!stopping.aborted) {
    try {
      const answer = await client.call((stats) => stats.getVisitorSalts, {}, { signal: stopping })
      salts.keep(answer.salts, clock())
      failures = 0
    } catch (cause) {
      salts.forgetPast(clock())
      failures += 1
      if (!stopping.aborted) options.failed(cause)
    }
    await sleep(failures === 0 ? everyMs : backoffMs(failures - 1, backoff), stopping)
  }
}
