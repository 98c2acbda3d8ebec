/** GET and HEAD /:code; and POST, which is how a password comes. */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { FindLink, FoundLink } from '../domain/find-link.ts'
import { resolveLink } from '../domain/resolve-link.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import {
  answerFailure,
  defaultDomainId,
  type Endings,
  linkRoute,
  passwordRoute,
  redirectStatuses,
} from './endings.ts'
import type { FollowConditional } from './follow-conditional.ts'
import type { MissGate } from './miss-gate.ts'
import type { PreviewLink } from './preview-link.ts'

export interface FollowLinkDependencies {
  readonly findLink: FindLink
  readonly clock: () => number
  readonly lookedUp: (found: FoundLink) => void
  readonly endings: Endings
  readonly misses: MissGate
  readonly followConditional: FollowConditional
  readonly previewLink: PreviewLink
}

type CodeRequest = FastifyRequest<{ Params: { code?: string; protectedCode: string } }>

/** Every code and alias there can be; anything else needs no look-up to be known as missing. */
export const codePattern = /^[A-Za-z0-9_-]{1,128}$/
/** More than a form with the longest password, every character of it percent-encoded. */
const formBytesMax = 4_096

export function followLink(deps: FollowLinkDependencies): RouteOptions[] {
  const route: RouteOptions = {
    method: ['GET', 'HEAD'],
    url: linkRoute,
    config: { statuses: [200, ...redirectStatuses, 403, 404, 410, 429], metersOwnAnswers: true },
    handler(request, reply) {
      if (deps.misses.refuses(request, reply)) return
      const { params } = request as CodeRequest
      const code = params.code ?? params.protectedCode
      if (!codePattern.test(code)) {
        answerOther(deps, request, reply, code)
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
  return [
    route,
    {
      ...route,
      method: 'POST',
      // A label of its own in the metrics: checking a password is slow by design, and is not in the SLI of redirects.
      url: passwordRoute,
      bodyLimit: formBytesMax,
      config: { statuses: [303, 403, 404, 410, 413, 415, 429], metersOwnAnswers: true },
    },
  ]
}

/** A path segment that is no code may ask for the preview of one. */
function answerOther(
  deps: FollowLinkDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
  segment: string,
): void {
  const code = segment.slice(0, -1)
  if (!segment.endsWith('+') || !codePattern.test(code) || request.method === 'POST') {
    answerWithoutLink(request, reply, 'not-found')
    return
  }
  deps.previewLink(request, reply, code).catch((cause: unknown) => answerFailure(reply, cause))
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
  if (found.kind === 'absent') {
    deps.misses.missed(request)
    deps.endings.refuse(request, reply, { code, nowMs, what: 'not-found', reason: OrphanReason.UNKNOWN })
    return
  }
  const resolution = resolveLink(found.known.copy, nowMs)
  if (resolution.kind === 'redirect') {
    // A form that was filled in for a link whose password is gone is no reason to repeat a POST at the target.
    const status = request.method === 'POST' ? 303 : resolution.status
    deps.endings.redirect(request, reply, { code, nowMs, targetUrl: resolution.targetUrl, status })
  } else if (resolution.kind === 'conditional') {
    deps
      .followConditional(request, reply, found.known.copy, nowMs)
      .catch((cause: unknown) => answerFailure(reply, cause))
  } else {
    deps.endings.refuse(request, reply, { code, nowMs, what: resolution.kind, reason: resolution.reason })
  }
}
