/** Who sent a request, by its key or session, or as a program of this machine. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { identifyCaller } from '@linkfleet/runtime/anonymous-loopback'
import type { FastifyRequest } from 'fastify'
import { anonymousCaller, type Caller, mayDo, type Right } from '../domain/credentials.ts'
import type { CredentialStore } from '../ports.ts'

export function createAuthorize(credentials: CredentialStore, anonymousLoopback: boolean) {
  return async (request: FastifyRequest, right: Right): Promise<Caller> => {
    const caller = await identify(request)
    if (mayDo(caller, right)) return caller
    if (caller === anonymousCaller) throw new LinkfleetError('unauthenticated', 'This needs a key.')
    throw new LinkfleetError('forbidden', `A key of role ${caller.role} does not allow this.`)
  }

  async function identify(request: FastifyRequest): Promise<Caller> {
    const { headers, socket } = request.raw
    const shown = identifyCaller({ remoteAddress: socket.remoteAddress, headers }, { anonymousLoopback })
    if (shown.kind === 'anonymous-loopback') return anonymousCaller
    if (shown.kind === 'nobody') throw new LinkfleetError('unauthenticated', 'This needs a key.')
    const caller = await credentials.check(shown.credential, request.answerByMs)
    if (caller === undefined) throw new LinkfleetError('unauthenticated', 'The key is unknown or expired.')
    return caller
  }
}
