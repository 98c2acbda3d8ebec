import { LinkfleetError } from '@linkfleet/contracts/errors'
import type {
  DescribeLinkRequest,
  DescribeLinkResponse,
} from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { linkStates } from '../domain/link.ts'
import type { LinkReader } from '../ports.ts'
import { expectKey } from './take-clicks.ts'

export function describeLink(links: LinkReader) {
  return async ({ key }: DescribeLinkRequest): Promise<DescribeLinkResponse> => {
    const link = await links.find(expectKey(key, 'key'))
    if (link?.state !== linkStates.live) throw new LinkfleetError('not-found', 'No link has this code.')
    return { title: link.title ?? '', createdAtMs: link.createdAtMs }
  }
}
