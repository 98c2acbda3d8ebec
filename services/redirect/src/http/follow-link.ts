/** GET and HEAD /:code. */
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { isPrefetch } from '../domain/click-details.ts'
import type { FindLink, FoundLink } from '../domain/find-link.ts'
import { resolveLink } from '../domain/resolve-link.ts'
import type { ClickSink } from '../ports.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import type { ClickSubject, DescribeClick } from './describe-click.ts'

export interface FollowLinkDependencies {
  readonly findLink: FindLink
  readonly clicks: ClickSink
  readonly describeClick: DescribeClick
  readonly clock: () => number
  readonly lookedUp: (found: FoundLink) => void
}

type CodeRequest = FastifyRequest<{ Params: { code: string } }>

/** Every code and alias there can be; anything else needs no look-up to be known as missing. */
const codePattern = /^[A-Za-z0-9_-]{1,128}$/
const defaultDomainId = 1

const redirectHeaders = {
  'cache-control': 'private, max-age=0',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-robots-tag': 'noindex',
} as const

export function followLink(deps: FollowLinkDependencies): RouteOptions {
  return {
    method: ['GET', 'HEAD'],
    url: '/:code',
    config: { statuses: [302, 404, 410] },
    handler(request, reply) {
      const { code } = (request as CodeRequest).params
      if (!codePattern.test(code)) {
        answerWithoutLink(request, reply, 'not-found')
        return
      }
      const found = deps.findLink(defaultDomainId, code)
      // Most links are in memory, and a promise for each would cost more than finding them.
      if (!(found instanceof Promise)) answer(deps, request, reply, code, found)
      else {
        found
          .then((late) => answer(deps, request, reply, code, late))
          .catch((cause: unknown) => answerFailure(reply, cause))
      }
    },
  }
}

function answer(
  deps: FollowLinkDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  code: string,
  found: FoundLink,
): void {
  deps.lookedUp(found)
  if (found.kind === 'unknown') {
    answerWithoutLink(request, reply, 'unavailable')
    return
  }
  const nowMs = deps.clock()
  const resolution =
    found.kind === 'absent'
      ? ({ kind: 'hidden', reason: OrphanReason.UNKNOWN } as const)
      : resolveLink(found.known.copy, nowMs)
  const isClick = request.method === 'GET' && !isPrefetch(request.headers)
  const subject = { domainId: defaultDomainId, code, nowMs }
  if (resolution.kind !== 'redirect') {
    const what = resolution.kind === 'gone' ? 'gone' : 'not-found'
    const orphan = { ...subject, orphanReason: resolution.reason, targetUrl: '' }
    record(deps, request, reply, isClick, orphan, () => answerWithoutLink(request, reply, what))
    return
  }
  const { status, targetUrl } = resolution
  const click = { ...subject, orphanReason: OrphanReason.UNSPECIFIED, targetUrl }
  record(deps, request, reply, isClick, click, () => {
    reply.code(status).headers(redirectHeaders).header('location', targetUrl).send()
  })
}

/** Answers once the click is written, or at once when there is none. */
function record(
  deps: FollowLinkDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  isClick: boolean,
  subject: ClickSubject,
  respond: () => void,
): void {
  if (!isClick) {
    respondOrFail(reply, respond)
    return
  }
  const click = deps.describeClick(request, subject)
  deps.clicks.append(click, (recorded) => {
    if (!recorded && click.kind === ClickKind.REDIRECT) reply.header('click-recorded', 'no')
    respondOrFail(reply, respond)
  })
}

/** Clicks are released outside of any request's handler, where an exception would end the process. */
function respondOrFail(reply: FastifyReply, respond: () => void): void {
  try {
    respond()
  } catch (cause) {
    answerFailure(reply, cause)
  }
}

/** Answers 500, which the server logs and counts, without the headers that may be what could not be sent. */
function answerFailure(reply: FastifyReply, cause: unknown): void {
  for (const name of [...Object.keys(redirectHeaders), 'location']) reply.removeHeader(name)
  reply.send(cause instanceof Error ? cause : new Error('The answer failed.', { cause }))
}
