import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { isPossibleCode } from '../domain/judge-alias.ts'
import { defaultDomainId, type Link } from '../domain/link.ts'
import type { Api } from './api.ts'
import { answers, CodeParams, CountedLinkJson, entityTagOf, security, toLinkJson } from './link-json.ts'

const schema = {
  summary: 'Read a link',
  tags: ['links'],
  security,
  params: CodeParams,
  response: answers({ 200: CountedLinkJson }, 401, 403, 404, 503),
}

export const unknownLink = () =>
  new LinkfleetError('not-found', 'There is no link with this code.', { field: 'code' })

/** The link of a path, or 'not-found'. */
export async function findLink(api: Pick<Api, 'links'>, code: string, byMs?: number): Promise<Link> {
  const key = { domainId: defaultDomainId, code }
  const link = isPossibleCode(code) ? await api.links.find(key, byMs) : undefined
  if (link === undefined) throw unknownLink()
  return link
}

export function getLinkRoute(server: FastifyInstance, api: Api): void {
  server.get<{ Params: Static<typeof CodeParams> }>(
    '/api/v1/links/:code',
    { schema },
    async (request, reply) => {
      await api.authorize(request, 'read')
      const link = await findLink(api, request.params.code, request.answerByMs)
      const [clicks = null] = await api.totals.totals([{ domainId: link.domainId, code: link.code }])
      reply.header('etag', entityTagOf(link)).header('cache-control', 'no-store')
      return { ...toLinkJson(link, api.publicUrl), clicks }
    },
  )
}
