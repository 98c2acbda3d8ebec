/** Who sent a request, by its key or session, or as a program of this machine. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyRequest } from 'fastify'
import {
  anonymousCaller,
  type Caller,
  isAnonymousLoopback,
  mayDo,
  type Right,
} from '../domain/credentials.ts'
import type { CredentialStore } from '../ports.ts'

/** The credential of a request: `Authorization: Bearer …` or `X-Api-Key`; undefined when it has none. */
export function credentialOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const bearer = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1]
    if (bearer === undefined) {
      throw new LinkfleetError('unauthenticated', 'Authorization must be "Bearer" and a key.', {
        field: 'authorization',
      })
    }
    return bearer
  }
  const key = request.headers['x-api-key']
  return typeof key === 'string' ? key : undefined
}

export function createAuthorize(credentials: CredentialStore, anonymousLoopback: boolean) {
  return async (request: FastifyRequest, right: Right): Promise<Caller> => {
    const caller = await identify(request)
    if (mayDo(caller, right)) return caller
    if (caller === anonymousCaller) throw new LinkfleetError('unauthenticated', 'This needs a key.')
    throw new LinkfleetError('forbidden', `A key of role ${caller.role} does not allow this.`)
  }

  async function identify(request: FastifyRequest): Promise<Caller> {
    const credential = credentialOf(request)
    if (credential !== undefined) {
      const caller = await credentials.check(credential)
      if (caller === undefined) throw new LinkfleetError('unauthenticated', 'The key is unknown or expired.')
      return caller
    }
    const { headers } = request
    const peerAddress = request.socket.remoteAddress
    if (anonymousLoopback && isAnonymousLoopback({ peerAddress, host: headers.host, headers })) {
      return anonymousCaller
    }
    throw new LinkfleetError('unauthenticated', 'This needs a key.')
  }
}
