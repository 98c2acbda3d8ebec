import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { isPossibleCode } from '../domain/judge-alias.ts'
import { judgeEdit } from '../domain/judge-link.ts'
import { defaultDomainId, type ReadLink } from '../domain/link.ts'
import type { ChangeOutcome } from '../ports.ts'
import type { Api } from './api.ts'
import { versionsOf } from './conditions.ts'
import { unknownLink } from './get-link.ts'
import {
  answers,
  CodeParams,
  entityTagOf,
  LinkJson,
  linkFields,
  optionalLinkFields,
  security,
  toLinkJson,
} from './link-json.ts'

const Body = Type.Object(
  {
    url: Type.Optional(linkFields.url),
    ...optionalLinkFields,
  },
  { additionalProperties: false, minProperties: 1 },
)

const schema = {
  summary: 'Change a link',
  description:
    'null clears title, startsAt, expiresAt, maxClicks and password. If-Match: "<version>" changes only that version, or one of several.',
  tags: ['links'],
  security,
  params: CodeParams,
  headers: Type.Object({ 'if-match': Type.Optional(Type.String()) }),
  body: Body,
  response: answers({ 200: LinkJson }, 400, 401, 403, 404, 412, 413, 415, 503),
}

/** The changed link, or the error that says why it was not changed. */
export function expectChanged(outcome: ChangeOutcome): ReadLink {
  if (outcome.kind === 'changed') return outcome.changed
  if (outcome.kind === 'unknown-link') throw unknownLink()
  const detail = `The link is at version ${outcome.version}. Read it again.`
  throw new LinkfleetError('version-mismatch', detail, { field: 'if-match' })
}

export function editLinkRoute(server: FastifyInstance, api: Api): void {
  server.patch<{ Params: Static<typeof CodeParams>; Body: Static<typeof Body> }>(
    '/api/v1/links/:code',
    { schema },
    async (request, reply) => {
      await api.authorize(request, 'change')
      const { code } = request.params
      const changes = judgeEdit(request.body, api.urlRules, api.now())
      const ifVersions = versionsOf(request.headers['if-match'])
      if (!isPossibleCode(code)) throw unknownLink()
      const changed = expectChanged(
        await api.editLink({ domainId: defaultDomainId, code }, changes, ifVersions, request.answerByMs),
      )
      api.events.linkEdited()
      reply.header('etag', entityTagOf(changed.link))
      return toLinkJson(changed.link, api.publicUrl)
    },
  )
}
