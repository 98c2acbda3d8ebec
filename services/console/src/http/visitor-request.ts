import type {} from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { forwardedForOf, headersForVisitor, sessionCookieNameOf, sessionOf } from '../domain/visitor.ts'
import type { Sessions, SessionVerdict, Upstream, UpstreamAnswer, UpstreamRequest } from '../ports.ts'

export interface Visitor {
  readonly session: string | null
  /** Where this browser keeps it. */
  readonly cookieName: string
  readonly forwardedFor: string
}

export function visitorOf(request: FastifyRequest): Visitor {
  const received = request.headers['x-forwarded-for']
  const cookieName = sessionCookieNameOf(request.headers.host)
  return {
    cookieName,
    session: sessionOf(request.cookies[cookieName]),
    forwardedFor: forwardedForOf(Array.isArray(received) ? received.join(', ') : received, request.ip),
  }
}

export interface Forwarding {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
}

/** Headers that the sender of a request decides; the rest is ours. */
const passedRequestHeaders = ['idempotency-key', 'if-match', 'last-event-id'] as const

/** The request as it goes on, with the visitor's rights. */
export function requestOf(request: FastifyRequest, forwarding: Forwarding): UpstreamRequest {
  const { session, forwardedFor } = visitorOf(request)
  const headers: Record<string, string> = { ...headersForVisitor(session, forwardedFor) }
  for (const name of passedRequestHeaders) {
    const value = request.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  const hasBody = forwarding.body !== undefined
  if (hasBody) headers['content-type'] = 'application/json'
  return {
    method: forwarding.method,
    path: `${forwarding.path}${searchOf(forwarding.query ?? {})}`,
    headers,
    ...(hasBody ? { body: JSON.stringify(forwarding.body) } : {}),
  }
}

/** Sends a request on with the visitor's rights, and its answer back as it is. */
export async function forward(
  upstream: Upstream,
  request: FastifyRequest,
  reply: FastifyReply,
  forwarding: Forwarding,
): Promise<FastifyReply> {
  return sendAnswer(reply, await upstream.request(requestOf(request, forwarding)))
}

export function sendAnswer(reply: FastifyReply, answer: UpstreamAnswer): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body)
}

function searchOf(query: Readonly<Record<string, string | number | undefined>>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  return parameters.size === 0 ? '' : `?${parameters}`
}

export async function checkVisitor(sessions: Sessions, request: FastifyRequest): Promise<SessionVerdict> {
  const { session, forwardedFor } = visitorOf(request)
  return session === null ? { kind: 'invalid' } : await sessions.check(session, forwardedFor)
}
