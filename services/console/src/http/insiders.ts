import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyRequest } from 'fastify'
import type { Sessions } from '../ports.ts'
import { checkVisitor } from './visitor-request.ts'

/** How the fleet is doing is told to people with a session only. Returns when the visitor has one, throws otherwise. */
export async function requireSession(sessions: Sessions, request: FastifyRequest): Promise<void> {
  const verdict = await checkVisitor(sessions, request)
  if (verdict.kind === 'valid') return
  if (verdict.kind === 'invalid') {
    throw new LinkfleetError('unauthenticated', 'Open a login link to use the console.')
  }
  throw new LinkfleetError('unavailable', 'Your session cannot be checked right now.', {
    retryAfterSeconds: 2,
  })
}
