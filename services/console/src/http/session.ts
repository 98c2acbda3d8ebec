import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import type { LoginView } from '../domain/views.ts'
import { headersForVisitor } from '../domain/visitor.ts'
import type { Sessions, Upstream } from '../ports.ts'
import { checkVisitor, visitorOf } from './visitor-request.ts'

export interface SessionOptions {
  readonly shortener: Upstream
  readonly sessions: Sessions
  readonly publicUrl: string
}

/** Who the visitor is, and logging out. */
export function sessionRoutes(server: FastifyInstance, options: SessionOptions): void {
  server.get('/api/console/session', async (request, reply) => {
    const verdict = await checkVisitor(options.sessions, request)
    if (verdict.kind === 'unknown') {
      throw new LinkfleetError('unavailable', 'Your session cannot be checked right now.', {
        retryAfterSeconds: 2,
      })
    }
    if (verdict.kind === 'invalid') {
      const { session, cookieName } = visitorOf(request)
      if (session !== null) reply.clearCookie(cookieName, { path: '/' })
      throw new LinkfleetError('unauthenticated', 'Open a login link to use the console.')
    }
    const { role, expiresAt } = verdict
    return { role, expiresAt, publicUrl: options.publicUrl } satisfies LoginView
  })

  server.delete('/api/console/session', async (request, reply) => {
    const { session, cookieName, forwardedFor } = visitorOf(request)
    reply.clearCookie(cookieName, { path: '/' })
    if (session === null) return reply.code(204).send()
    options.sessions.forget(session)
    const headers = headersForVisitor(session, forwardedFor)
    const path = '/api/v1/sessions/current'
    const answer = await options.shortener.request({ method: 'DELETE', path, headers })
    // A session that was over already is what was asked for.
    if (answer.status >= 500) {
      throw new LinkfleetError(
        'unavailable',
        'This browser has forgotten the session, but it could not be ended at the shortener; it ends by itself.',
      )
    }
    return reply.code(204).send()
  })
}
