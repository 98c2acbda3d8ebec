import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { isPossibleCode } from '../domain/judge-alias.ts'
import { defaultDomainId } from '../domain/link.ts'
import type { Api } from './api.ts'
import { versionsOf } from './conditions.ts'
import { expectChanged } from './edit-link.ts'
import { unknownLink } from './get-link.ts'
import { answers, CodeParams, security } from './link-json.ts'

const schema = {
  summary: 'Delete a link',
  description: 'The short URL then answers 410. An alias may be taken again.',
  tags: ['links'],
  security,
  params: CodeParams,
  headers: Type.Object({ 'if-match': Type.Optional(Type.String()) }),
  response: answers({ 204: Type.Null({ description: 'Deleted' }) }, 400, 401, 403, 404, 412, 503),
}

export function deleteLinkRoute(server: FastifyInstance, api: Api): void {
  server.delete<{ Params: Static<typeof CodeParams> }>(
    '/api/v1/links/:code',
    { schema },
    async (request, reply) => {
      await api.authorize(request, 'change')
      const { code } = request.params
      const ifVersions = versionsOf(request.headers['if-match'])
      if (!isPossibleCode(code)) throw unknownLink()
      const key = { domainId: defaultDomainId, code }
      const deleted = expectChanged(await api.writer.delete(key, ifVersions, request.answerByMs))
      await api.writeThrough.write(deleted)
      api.events.linkDeleted()
      return reply.code(204).send()
    },
  )
}
