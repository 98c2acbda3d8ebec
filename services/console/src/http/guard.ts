import { LinkfleetError } from '@linkfleet/contracts/errors'
import { sendProblem } from '@linkfleet/runtime/http'
import type { FastifyInstance } from 'fastify'
import { isFromOwnPage } from '../domain/visitor.ts'
import type { Events } from '../events.ts'

/** Everything that a page may load comes from the console itself; nothing is inline. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // Under no-referrer a browser would name the origin of our own changes "null".
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Before every route: the headers of each answer, and no change that another site asks for. */
export function guardRequests(server: FastifyInstance, consoleUrl: string, events: Events): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(headers)
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
    const { origin, host, 'sec-fetch-site': secFetchSite } = request.headers
    const facts = { method: request.method, origin, host, consoleUrl }
    const site = Array.isArray(secFetchSite) ? secFetchSite[0] : secFetchSite
    if (isFromOwnPage({ ...facts, secFetchSite: site })) return
    events.foreignOriginRefused(origin)
    return sendProblem(
      reply,
      new LinkfleetError('forbidden', "Changes are taken from the console's own pages only.", {
        field: 'origin',
      }),
    )
  })
}
