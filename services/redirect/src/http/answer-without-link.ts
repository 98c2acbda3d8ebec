/** The answers of a code that leads nowhere: a page for people, problem+json for programs. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { sendProblem } from '@linkfleet/runtime/http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../domain/click-details.ts'
import { gonePage, notFoundPage, unavailablePage } from './pages.ts'

export type WithoutLink = 'not-found' | 'gone' | 'unavailable'

const retryAfterSeconds = 2

const answers = {
  'not-found': { page: notFoundPage, error: new LinkfleetError('not-found', 'No link has this code.') },
  gone: { page: gonePage, error: new LinkfleetError('gone', 'The link has expired or was taken down.') },
  unavailable: {
    page: unavailablePage,
    error: new LinkfleetError('unavailable', 'The link cannot be looked up right now.', {
      retryAfterSeconds,
    }),
  },
} as const

const statusOf = { 'not-found': 404, gone: 410, unavailable: 503 } as const

/** Pages load nothing and run nothing; the policy holds whatever a later page might bring. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
} as const

export function answerWithoutLink(request: FastifyRequest, reply: FastifyReply, what: WithoutLink): void {
  const { page, error } = answers[what]
  reply.header('x-robots-tag', 'noindex').header('vary', 'accept')
  if (!wantsPage(request.headers)) {
    sendProblem(reply, error)
    return
  }
  if (what === 'unavailable') reply.header('retry-after', String(retryAfterSeconds))
  reply.code(statusOf[what]).headers(pageHeaders).header('cache-control', 'no-store').send(page)
}
