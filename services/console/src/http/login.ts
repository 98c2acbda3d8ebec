import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { headersForVisitor, sessionOf } from '../domain/visitor.ts'
import type { Events } from '../events.ts'
import type { Upstream, UpstreamAnswer } from '../ports.ts'
import { visitorOf } from './visitor-request.ts'

export interface LoginOptions {
  readonly shortener: Upstream
  readonly events: Events
  readonly secureCookie: boolean
  readonly sendShell: (reply: FastifyReply) => FastifyReply
}

const query = {
  type: 'object',
  properties: { token: { type: 'string', maxLength: 512 }, problem: { type: 'string', maxLength: 32 } },
} as const

/**
 * `/login?token=…` turns a one-time token into a session cookie and goes on to the first page. A browser that only
 * prefetches the address does not use the token up; neither does HEAD, which has no route of its own.
 */
export function loginRoute(server: FastifyInstance, options: LoginOptions): void {
  server.get<{ Querystring: { token?: string } }>(
    '/login',
    { schema: { querystring: query }, exposeHeadRoute: false },
    async (request, reply) => {
      const { token } = request.query
      const prefetched =
        request.headers['sec-purpose'] !== undefined || request.headers.purpose === 'prefetch'
      if (token === undefined || token === '' || prefetched) return options.sendShell(reply)
      reply.header('cache-control', 'no-store')
      const { cookieName, forwardedFor } = visitorOf(request)
      const answer = await exchange(options, token, forwardedFor)
      if (answer === null) return reply.redirect('/login?problem=unavailable', 303)
      const login = answer.status < 300 ? loginOf(answer) : null
      if (login === null) {
        options.events.loginRefused()
        return reply.redirect('/login?problem=refused', 303)
      }
      options.events.loginAccepted(login.role)
      reply.setCookie(cookieName, login.session, {
        path: '/',
        httpOnly: true,
        sameSite: 'lax',
        secure: options.secureCookie,
        ...(Number.isNaN(login.expiresAt.getTime()) ? {} : { expires: login.expiresAt }),
      })
      return reply.redirect('/', 303)
    },
  )
}

/** null when nobody could say whether the token is good. */
async function exchange(
  options: LoginOptions,
  token: string,
  forwardedFor: string,
): Promise<UpstreamAnswer | null> {
  try {
    const answer = await options.shortener.request({
      method: 'POST',
      path: '/api/v1/sessions',
      headers: { ...headersForVisitor(null, forwardedFor), 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    })
    if (answer.status < 500 && answer.status !== 429) return answer
    options.events.loginFailed(new Error(`The shortener answered with status ${answer.status}.`))
    return null
  } catch (error) {
    if (!(error instanceof LinkfleetError)) throw error
    options.events.loginFailed(error)
    return null
  }
}

function loginOf(answer: UpstreamAnswer): { session: string; role: string; expiresAt: Date } | null {
  try {
    const body = JSON.parse(answer.body) as { session?: string; role?: string; expiresAt?: string }
    const session = sessionOf(body.session)
    if (session === null) return null
    return { session, role: body.role ?? '', expiresAt: new Date(body.expiresAt ?? Number.NaN) }
  } catch {
    return null
  }
}
