/** How a request for a link ends: what there is to record is written first, then the answer leaves. */
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isPrefetch } from '../domain/click-details.ts'
import type { ClickSink } from '../ports.ts'
import { answerWithoutLink, type WithoutLink } from './answer-without-link.ts'
import type { ClickSubject, DescribeClick } from './describe-click.ts'

/** The domain of every link until a fleet has several. */
export const defaultDomainId = 1

export interface EndingsDependencies {
  readonly clicks: ClickSink
  readonly describeClick: DescribeClick
}

export interface Endings {
  /** A click, unless the request is a HEAD or a prefetch. */
  redirect(
    request: FastifyRequest,
    reply: FastifyReply,
    click: { code: string; nowMs: number; targetUrl: string; status: number },
  ): void
  /** An orphan click, unless the request is a HEAD or a prefetch. */
  refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    orphan: { code: string; nowMs: number; what: WithoutLink; reason: OrphanReason },
  ): void
}

const redirectHeaders = {
  'cache-control': 'private, max-age=0',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-robots-tag': 'noindex',
} as const

export function createEndings(deps: EndingsDependencies): Endings {
  return {
    redirect(request, reply, { code, nowMs, targetUrl, status }) {
      const subject = { domainId: defaultDomainId, code, nowMs, targetUrl }
      record(deps, request, reply, { ...subject, orphanReason: OrphanReason.UNSPECIFIED }, () => {
        reply.code(status).headers(redirectHeaders).header('location', targetUrl).send()
      })
    },
    refuse(request, reply, { code, nowMs, what, reason }) {
      const subject = { domainId: defaultDomainId, code, nowMs, targetUrl: '' }
      record(deps, request, reply, { ...subject, orphanReason: reason }, () =>
        answerWithoutLink(request, reply, what),
      )
    },
  }
}

/** Answers once the click is written, or at once when there is none. */
function record(
  deps: EndingsDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  subject: ClickSubject,
  respond: () => void,
): void {
  if (request.method === 'HEAD' || isPrefetch(request.headers)) {
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
export function answerFailure(reply: FastifyReply, cause: unknown): void {
  for (const name of [...Object.keys(redirectHeaders), 'location']) reply.removeHeader(name)
  reply.send(cause instanceof Error ? cause : new Error('The answer failed.', { cause }))
}
