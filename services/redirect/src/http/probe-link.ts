/**
 * GET and HEAD /.well-known/linkfleet-probe, and the same with /:code: looks a link up as following it does, through the public
 * port, for a prober that must not be counted as its clicks. Without a code it is the fleet's own known link. The answer says that the link leads somewhere and not where to, so
 * nobody can follow a link uncounted by it. The route is a label of its own in the metrics, outside the SLI.
 */
import { probeLink as knownLink, probePath } from '@linkfleet/contracts/probe'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
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

export function probeLinks({ findLink, misses, clock }: ProbeLinkDependencies): readonly RouteOptions[] {
  async function answer(request: FastifyRequest, reply: FastifyReply, domainId: number, code: string) {
    if (misses.refuses(request, reply)) return reply
    const found = codePattern.test(code) ? await findLink(domainId, code) : undefined
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
  }
  const route = {
    method: ['GET', 'HEAD'],
    config: { statuses: [204, 404, 410, 429], priority: 'exempt' as const },
  }
  return [
    {
      ...route,
      url: probePath,
      handler: (request, reply) => answer(request, reply, knownLink.domainId, knownLink.code),
    },
    {
      ...route,
      url: `${probePath}/:code`,
      handler: (request, reply) =>
        answer(request, reply, defaultDomainId, (request.params as { code: string }).code),
    },
  ]
}
