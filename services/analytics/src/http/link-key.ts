/** Which link a request is about: its code, the domain that it names, and whether there is such a link. */
import { codeBytesMax } from '@linkfleet/contracts/clicks'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { Type } from 'typebox'
import type { LinkKey } from '../ports.ts'
import type { StatsApi } from './server.ts'

const defaultDomainId = 1

export const linkParams = Type.Object({ code: Type.String({ minLength: 1, maxLength: codeBytesMax }) })

export const domainQuery = {
  domain: Type.Optional(Type.String({ maxLength: 253, description: 'The host of the short URL.' })),
}

export function linkKeyOf(api: StatsApi, code: string, domain: string | undefined): LinkKey {
  if (domain !== undefined && domain.toLowerCase() !== api.defaultDomain) {
    throw new LinkfleetError('not-found', 'There is no such domain.', { field: 'domain' })
  }
  if (!isText(code)) throw unknownCode()
  return { domainId: defaultDomainId, code }
}

/** A code with clicks was followed, so it is known; of the others only the shortener can tell. */
export async function requireLink(api: StatsApi, key: LinkKey): Promise<void> {
  if (!(await api.links.isKnown(key))) throw unknownCode()
}

/** Postgres and protobuf hold neither NUL nor half a surrogate pair. */
function isText(code: string): boolean {
  return code.isWellFormed() && !code.includes('\0')
}

function unknownCode(): LinkfleetError {
  return new LinkfleetError('not-found', 'There is no link with this code.', { field: 'code' })
}
