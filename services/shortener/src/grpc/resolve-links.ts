import { LinkfleetError } from '@linkfleet/contracts/errors'
import type {
  ResolveLinksRequest,
  ResolveLinksResponse,
} from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import type { LinkReader } from '../ports.ts'

const keysMax = 500

export function resolveLinks(links: LinkReader) {
  return async ({ keys }: ResolveLinksRequest): Promise<ResolveLinksResponse> => {
    if (keys.length < 1 || keys.length > keysMax) {
      throw new LinkfleetError('invalid-request', `keys must hold 1 to ${keysMax} keys.`, { field: 'keys' })
    }
    const resolution = await links.resolve(keys)
    return { links: [...resolution.links], asOfMs: resolution.asOfMs, timeline: resolution.timeline }
  }
}
