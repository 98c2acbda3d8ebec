import { LinkfleetError } from '@linkfleet/contracts/errors'
import type {
  GetTotalsRequest,
  GetTotalsResponse,
} from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import type { StatsReader } from '../ports.ts'

const keysMax = 1_000
const domainIdMax = 2 ** 31 - 1

/** Stats/GetTotals: one total for each key, in the order of the request. */
export function getTotals(stats: StatsReader): (request: GetTotalsRequest) => Promise<GetTotalsResponse> {
  return async ({ keys }) => {
    if (keys.length === 0 || keys.length > keysMax) {
      throw new LinkfleetError('invalid-request', `Ask for 1 to ${keysMax} keys, not ${keys.length}.`, {
        field: 'keys',
      })
    }
    const askable = keys.filter(({ domainId, code }) => domainId <= domainIdMax && !code.includes('\0'))
    const { totals, asOfMs } = await stats.totals(askable)
    const found = new Map(totals.map((total) => [`${total.domainId} ${total.code}`, total]))
    return {
      totals: keys.map((key) => {
        const { humans, bots } = found.get(`${key.domainId} ${key.code}`) ?? { humans: 0, bots: 0 }
        return { key, total: humans + bots, humans, bots }
      }),
      asOfMs: asOfMs ?? 0,
    }
  }
}
