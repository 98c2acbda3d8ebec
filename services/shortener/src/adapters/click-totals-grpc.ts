/** Click totals from analytics: nice to have, never waited for long. */
import { StatsClient } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { LinkKey } from '../domain/link.ts'
import type { ClickTotals } from '../ports.ts'

const deadlineMs = 150

export interface OpenClickTotals extends ClickTotals, Disposable {
  state(): string
}

export function openClickTotalsGrpc(
  addresses: readonly string[],
  onFailed: (error: unknown) => void,
  metrics: Metrics,
): OpenClickTotals {
  if (addresses.length === 0) {
    const nothing = async (keys: readonly LinkKey[]) => keys.map(() => null)
    return { totals: nothing, state: () => 'not configured', [Symbol.dispose]: () => {} }
  }
  const client = openGrpcClient(StatsClient, { addresses, deadlineMs, metrics })
  return {
    async totals(keys) {
      if (keys.length === 0) return []
      try {
        const answer = await client.call((stats) => stats.getTotals, { keys: [...keys] })
        return keys.map((_key, index) => answer.totals[index]?.total ?? null)
      } catch (error) {
        onFailed(error)
        return keys.map(() => null)
      }
    },
    state: () => (client.isConnected() ? 'up' : 'not connected'),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
