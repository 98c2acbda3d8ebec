/**
 * GET and HEAD /.well-known/linkfleet-probe/:code: looks a link up as following it does, through the public port, for a
 * prober that must not be counted as its clicks. The answer says that the link leads somewhere and not where to, so
 * nobody can follow a link uncounted by it. The route is a label of its own in the metrics, outside the SLI.
 */
import type { FastifyRequest, RouteOptions } from 'fastify'
import type { FindLink } from '../domain/find-link.ts'
import { resolveLink } from '../domain/resolve-link.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import { defaultDomainId } from './endings.ts'
import { codePattern } from './follow-link.ts'
import type { MissGate } from './miss-gate.ts'

export interface ProbeLinkDependencies {
  readonly findLink: FindLink
  readonly misses: MissGate
  readonly clock: () => number
}

export const probeRoute = '/.well-known/linkfleet-probe/:code'

export function probeLink({ findLink, misses, clock }: ProbeLinkDependencies): RouteOptions {
  return {
    method: ['GET', 'HEAD'],
    url: probeRoute,
    config: { statuses: [204, 404, 410, 429] },
    async handler(request, reply) {
      if (misses.refuses(request, reply)) return reply
      const { code } = (request as FastifyRequest<{ Params: { code: string } }>).params
      const found = codePattern.test(code) ? await findLink(defaultDomainId, code) : undefined
      if (found?.kind === 'unknown') answerWithoutLink(request, reply, 'unavailable')
      else if (found?.kind === 'link') {
        const { kind } = resolveLink(found.known.copy, clock())
        if (kind === 'gone' || kind === 'not-started') answerWithoutLink(request, reply, kind)
        else reply.code(204).header('cache-control', 'no-store').send()
      } else {
        if (found !== undefined) misses.missed(request)
        answerWithoutLink(request, reply, 'not-found')
      }
      return reply
    },
  }
}
