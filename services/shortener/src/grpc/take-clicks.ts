import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { LinkKey } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type {
  ReturnClicksRequest,
  ReturnClicksResponse,
  TakeClicksRequest,
  TakeClicksResponse,
} from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { isPossibleCode } from '../domain/judge-alias.ts'
import type { ClickBudgets } from '../ports.ts'

const wantedMax = 1_000
const leasesMax = 500
const requestIdBytes = 16

export function takeClicks(budgets: ClickBudgets) {
  return async ({ key, requestId, wanted }: TakeClicksRequest): Promise<TakeClicksResponse> => {
    if (wanted > wantedMax) throw invalid('wanted', `wanted is at most ${wantedMax}.`)
    if (requestId.length !== requestIdBytes) {
      throw invalid('request_id', `request_id has ${requestIdBytes} bytes.`)
    }
    const grant = await budgets.take(expectKey(key, 'key'), requestId, wanted)
    if (grant === undefined) throw new LinkfleetError('not-found', 'No link has this code.')
    const { version, isLimited, granted, left } = grant
    return { version, limited: isLimited, granted, left }
  }
}

export function returnClicks(budgets: ClickBudgets) {
  return async ({ leases }: ReturnClicksRequest): Promise<ReturnClicksResponse> => {
    if (leases.length < 1 || leases.length > leasesMax) {
      throw invalid('leases', `leases must hold 1 to ${leasesMax} leases.`)
    }
    const returned = leases.map(({ key, requestId, unused }, index) => ({
      key: expectKey(key, `leases.${index}.key`),
      requestId,
      unused,
    }))
    await budgets.giveBack(returned)
    return {}
  }
}

export function expectKey(key: LinkKey | undefined, field: string): LinkKey {
  if (key === undefined || !isPossibleCode(key.code)) throw invalid(field, `${field} must name a link.`)
  return key
}

function invalid(field: string, detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field })
}
