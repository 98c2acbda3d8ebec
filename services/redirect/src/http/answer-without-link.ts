/** The answers of a code that leads nowhere now: a page for people, problem+json for programs. */
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { sendProblem } from '@linkfleet/runtime/http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../domain/click-details.ts'
import * as pages from './pages.ts'

interface Answer {
  readonly page: string
  readonly code: ErrorCode
  readonly detail: string
  readonly field?: string
}

const answers = {
  'not-found': { page: pages.notFoundPage, code: 'not-found', detail: 'No link has this code.' },
  'not-started': { page: pages.notStartedPage, code: 'not-found', detail: 'The link is not open yet.' },
  gone: { page: pages.gonePage, code: 'gone', detail: 'The link has expired or was taken down.' },
  'used-up': {
    page: pages.usedUpPage,
    code: 'gone',
    detail: 'The link has been followed as often as it may be.',
  },
  unavailable: {
    page: pages.unavailablePage,
    code: 'unavailable',
    detail: 'The link cannot be looked up right now.',
  },
  'query-too-long': {
    page: pages.queryTooLongPage,
    code: 'uri-too-long',
    detail: 'The link hands its query on, and this one is too long for that.',
    field: 'query',
  },
  'no-prefetch': {
    page: pages.noPrefetchPage,
    code: 'prefetch-refused',
    detail: 'A link for a limited number of visits is not fetched ahead.',
  },
  'too-many-misses': {
    page: pages.tooManyRequestsPage,
    code: 'too-many-requests',
    detail: 'Too many links that do not exist were asked for from this address.',
  },
  'too-many-passwords': {
    page: pages.tooManyRequestsPage,
    code: 'too-many-requests',
    detail: 'Too many wrong passwords were tried.',
  },
} as const satisfies Record<string, Answer>

export type WithoutLink = keyof typeof answers

const unavailableForSeconds = 2

/** Pages load nothing and run nothing; the policy holds whatever a later page might bring. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
} as const

/** Nothing of it is kept by a cache: the same code may lead somewhere a moment later. */
export function answerWithoutLink(
  request: FastifyRequest,
  reply: FastifyReply,
  what: WithoutLink,
  retryAfterSeconds = what === 'unavailable' ? unavailableForSeconds : undefined,
): void {
  const { page, code, detail, ...more }: Answer = answers[what]
  reply.header('x-robots-tag', 'noindex').header('vary', 'accept')
  if (!wantsPage(request.headers)) {
    const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
    sendProblem(reply, new LinkfleetError(code, detail, { ...more, ...retry }))
    return
  }
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  reply.code(errorKinds[code].httpStatus).headers(pageHeaders).header('cache-control', 'no-store').send(page)
}
