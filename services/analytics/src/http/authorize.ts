import { LinkfleetError } from '@linkfleet/contracts/errors'
import { identifyCaller } from '@linkfleet/runtime/anonymous-loopback'
import type { FastifyRequest } from 'fastify'
import type { Links } from '../ports.ts'

export type Authorize = (request: FastifyRequest) => Promise<void>

/** Lets in whoever shows a valid key or session of any role, and loopback callers where the setting allows it. */
export function createAuthorize(links: Links, anonymousLoopback: boolean): Authorize {
  return async (request) => {
    const { headers, socket } = request.raw
    const caller = identifyCaller({ remoteAddress: socket.remoteAddress, headers }, { anonymousLoopback })
    if (caller.kind === 'anonymous-loopback') return
    if (caller.kind === 'nobody') throw new LinkfleetError('unauthenticated', 'Show an API key or a session.')
    if (!(await links.mayRead(caller.credential))) {
      throw new LinkfleetError('unauthenticated', 'The key or session is not valid.')
    }
  }
}
