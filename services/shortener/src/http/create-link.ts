import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Created } from '../domain/create-link.ts'
import { type Idempotency, identifyRequest } from '../domain/idempotency.ts'
import { aliasLengthMax, aliasLengthMin } from '../domain/judge-alias.ts'
import { judgeCreate } from '../domain/judge-link.ts'
import type { NewLink } from '../domain/link.ts'
import type { Api } from './api.ts'
import { prefersPlainText } from './conditions.ts'
import {
  answers,
  entityTagOf,
  LinkJson,
  linkFields,
  optionalLinkFields,
  security,
  toLinkJson,
} from './link-json.ts'

const Body = Type.Object(
  {
    url: linkFields.url,
    alias: Type.Optional(
      Type.String({
        description: `${aliasLengthMin} to ${aliasLengthMax} letters, digits, "-" or "_". Without it a code is generated.`,
      }),
    ),
    ...optionalLinkFields,
  },
  { additionalProperties: false },
)

const schema = {
  summary: 'Create a short link',
  description:
    'Accept: text/plain answers just the short URL. With an Idempotency-Key a retry within 24 hours is answered like the first attempt and creates nothing.',
  tags: ['links'],
  security,
  headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String()) }),
  body: Body,
  response: answers(
    {
      201: {
        description: 'Created',
        content: { 'application/json': { schema: LinkJson }, 'text/plain': { schema: Type.String() } },
      },
    },
    400,
    401,
    403,
    409,
    413,
    415,
    422,
    503,
  ),
}

export function createLinkRoute(server: FastifyInstance, api: Api): void {
  server.post<{ Body: Static<typeof Body> }>('/api/v1/links', { schema }, async (request, reply) => {
    const caller = await api.authorize(request, 'create')
    const { body, headers } = request
    const key = headers['idempotency-key'] as string | undefined
    const idempotency = key === undefined ? null : identifyRequest(key, caller.subject, body)
    const { link, isReplay } = await createOrReplay(api, body, caller.subject, idempotency)
    if (isReplay) api.events.createReplayed()
    else api.events.linkCreated()
    reply.code(201).header('location', `/api/v1/links/${link.code}`).header('etag', entityTagOf(link))
    if (isReplay) reply.header('idempotency-replayed', 'true')
    const json = toLinkJson(link, api.publicUrl)
    if (prefersPlainText(headers.accept)) {
      return reply.type('text/plain; charset=utf-8').send(`${json.shortUrl}\n`)
    }
    return json
  })
}

/**
 * A retry is answered like the first attempt even when it would be refused by now: its expiresAt may have passed, or
 * the rules for targets may have changed.
 */
async function createOrReplay(
  api: Api,
  body: Static<typeof Body>,
  subject: string,
  idempotency: Idempotency | null,
): Promise<Created> {
  let newLink: NewLink
  try {
    newLink = judgeCreate(body, api.urlRules, subject, api.now())
  } catch (refusal) {
    const { password = null } = body
    const link = idempotency === null ? undefined : await api.creator.findReplay(idempotency, password)
    if (link === undefined) throw refusal
    return { link, isReplay: true }
  }
  return await api.creator.create(newLink, idempotency)
}
