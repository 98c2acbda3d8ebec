/** The answers of a code that leads nowhere now: a page for people, problem+json for programs. */
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { sendProblem } from '@linkfleet/runtime/http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../domain/click-details.ts'
import { page } from './pages.ts'

interface Answer {
  readonly code: ErrorCode
  /** For programs. */
  readonly detail: string
  readonly field?: string
  /** For people. */
  readonly heading: string
  readonly html: string
}

const slowDown = {
  heading: 'Slow down, please',
  html: 'Too many attempts came from your network. Wait a little, then try again.',
}

const answers = {
  'not-found': {
    code: 'not-found',
    detail: 'No link has this code.',
    heading: 'There is no such link',
    html: 'Check the address for a typing error: capital and small letters differ. If somebody gave you this link, ask them for a new one.',
  },
  'not-started': {
    code: 'not-found',
    detail: 'The link is not open yet.',
    heading: 'This link is not open yet',
    html: 'It will lead on later. Come back, or ask whoever gave it to you from when on it can be used.',
  },
  gone: {
    code: 'gone',
    detail: 'The link has expired or was taken down.',
    heading: 'This link is no longer available',
    html: 'It has expired or was taken down. Whoever gave it to you may have a newer one.',
  },
  'used-up': {
    code: 'gone',
    detail: 'The link has been followed as often as it may be.',
    heading: 'This link has been used up',
    html: 'It was made for a limited number of visits, and all of them are over. Whoever gave it to you may have a newer one.',
  },
  unavailable: {
    code: 'unavailable',
    detail: 'The link cannot be looked up right now.',
    heading: 'One moment, please',
    html: 'We cannot look up this link right now. It is not lost: try again in a few seconds.',
  },
  'query-too-long': {
    code: 'uri-too-long',
    detail: 'The link hands its query on, and this one is too long for that.',
    field: 'query',
    heading: 'This address is too long',
    html: 'The link hands on what stands behind its question mark, and that is more than most servers take.',
  },
  'no-prefetch': {
    code: 'prefetch-refused',
    detail: 'A link for a limited number of visits is not fetched ahead.',
    heading: 'This link is not fetched ahead',
    html: 'It was made for a limited number of visits. Follow it to see where it leads.',
  },
  'too-many-misses': {
    code: 'too-many-requests',
    detail: 'Too many links that do not exist were asked for from this address.',
    ...slowDown,
  },
  'too-many-passwords': {
    code: 'too-many-requests',
    detail: 'Too many wrong passwords were tried.',
    ...slowDown,
  },
} as const satisfies Record<string, Answer>

export type WithoutLink = keyof typeof answers

/** Made once: there are few, and anybody may ask for them as often as they like. */
const pages = new Map(
  Object.entries<Answer>(answers).map(([what, { code, heading, html }]) => [
    what,
    page({ label: String(errorKinds[code].httpStatus), heading, html }),
  ]),
)

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
  const { code, detail, field }: Answer = answers[what]
  reply.header('x-robots-tag', 'noindex').header('vary', 'accept')
  if (!wantsPage(request.headers)) {
    const about = field === undefined ? {} : { field }
    const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
    sendProblem(reply, new LinkfleetError(code, detail, { ...about, ...retry }))
    return
  }
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  reply
    .code(errorKinds[code].httpStatus)
    .headers(pageHeaders)
    .header('cache-control', 'no-store')
    .send(pages.get(what))
}
