/** How a request for a link ends: what there is to record is written first, then the answer leaves. */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import { answerMeter } from '@linkfleet/runtime/http-durations'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isPrefetch } from '../domain/click-details.ts'
import type { ClickSink } from '../ports.ts'
import { answerWithoutLink, type WithoutLink } from './answer-without-link.ts'
import type { ClickSubject, DescribeClick } from './describe-click.ts'

/** The domain of every link until a fleet has several. */
export const defaultDomainId = 1

export const linkRoute = '/:code'
export const passwordRoute = '/:protectedCode'
export const redirectStatuses = [301, 302, 307, 308] as const

export interface EndingsDependencies {
  readonly metrics: Metrics
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

/** Names and values in turn, which is how node:http writes them with the least work. */
const redirectHeaders = [
  'cache-control',
  'private, max-age=0',
  'referrer-policy',
  'strict-origin-when-cross-origin',
  'x-robots-tag',
  'noindex',
  'content-length',
  '0',
  'location',
] as const
const notRecorded = ['click-recorded', 'no'] as const

export function createEndings(deps: EndingsDependencies): Endings {
  const meterLink = answerMeter(deps.metrics, linkRoute, ['GET', 'HEAD'], redirectStatuses)
  const meterPassword = answerMeter(deps.metrics, passwordRoute, ['POST'], [303])
  return {
    redirect(request, reply, { code, nowMs, targetUrl, status }) {
      const subject = { domainId: defaultDomainId, code, nowMs, targetUrl }
      record(deps, request, reply, { ...subject, orphanReason: OrphanReason.UNSPECIFIED }, (recorded) => {
        sendRedirect(reply, status, targetUrl, recorded)
        // The kernel has it: so small an answer does not wait for its reader.
        const meter = request.method === 'POST' ? meterPassword : meterLink
        meter(request, status)
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

/** Past Fastify, which copies each header once more, and whose watch over the end of an answer costs as much again. */
function sendRedirect(reply: FastifyReply, status: number, targetUrl: string, recorded: boolean): void {
  const headers = [...redirectHeaders, targetUrl]
  if (!recorded) headers.push(...notRecorded)
  reply.raw.writeHead(status, headers).end()
}

/** Answers once the click is written, or at once when there is none. */
function record(
  deps: EndingsDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  subject: ClickSubject,
  respond: (recorded: boolean) => void,
): void {
  if (request.method === 'HEAD' || isPrefetch(request.headers)) {
    respondOrFail(reply, respond, true)
    return
  }
  const click = deps.describeClick(request, subject)
  deps.clicks.append(click, (recorded) => respondOrFail(reply, respond, recorded))
}

/**
 * A click is released with others, by the request that fills a write or at the end of the turn: an exception would cost
 * others their answers.
 */
function respondOrFail(reply: FastifyReply, respond: (recorded: boolean) => void, recorded: boolean): void {
  try {
    respond(recorded)
  } catch (cause) {
    answerFailure(reply, cause)
  }
}

/** Answers 500, which the server logs and counts; the reason phrase may be left from what could not be sent. */
export function answerFailure(reply: FastifyReply, cause: unknown): void {
  reply.raw.statusMessage = ''
  reply.send(cause instanceof Error ? cause : new Error('The answer failed.', { cause }))
}
