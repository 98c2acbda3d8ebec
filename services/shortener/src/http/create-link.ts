import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Created } from '../domain/create-link.ts'
import { mayDo } from '../domain/credentials.ts'
import { type Idempotency, identifyRequest } from '../domain/idempotency.ts'
import { aliasLengthMax, aliasLengthMin } from '../domain/judge-alias.ts'
import { type Author, judgeCreate } from '../domain/judge-link.ts'
import type { NewLink } from '../domain/link.ts'
import type { Api } from './api.ts'
import { idempotencyKeyOf, prefersPlainText } from './conditions.ts'
import {
  answers,
  entityTagOf,
  LinkJson,
  linkFields,
  optionalLinkFields,
  security,
  toLinkJson,
} from './link-json.ts'

export const CreateBody = Type.Object(
  {
    url: linkFields.url,
    alias: Type.Optional(
      Type.String({
        description: `${aliasLengthMin} to ${aliasLengthMax} letters, digits, "-" or "_". Without it a code is generated.`,
      }),
    ),
    ...optionalLinkFields,
    reuseExisting: Type.Optional(
      Type.Boolean({
        description:
          'Answers 200 with a link that does the same for its visitors, if there is one. Title and tags must be alike when they are given; links with a password or maxClicks are never reused.',
      }),
    ),
  },
  { additionalProperties: false },
)

const content = { 'application/json': { schema: LinkJson }, 'text/plain': { schema: Type.String() } }

const schema = {
  summary: 'Create a short link',
  description:
    'Accept: text/plain answers just the short URL. With an Idempotency-Key a retry within 24 hours is answered like the first attempt and creates nothing.',
  tags: ['links'],
  security,
  headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String()) }),
  body: CreateBody,
  response: answers(
    {
      200: { description: 'An existing link, as reuseExisting asks for', content },
      201: { description: 'Created', content },
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

/** Creates wait for each other's transactions; an answer that takes longer than this is close to being late. */
const waitMsMax = 150

export function createLinkRoute(server: FastifyInstance, api: Api): void {
  server.post<{ Body: Static<typeof CreateBody> }>(
    '/api/v1/links',
    { schema, config: { priority: 'low', waitMsMax } },
    async (request, reply) => {
      const caller = await api.authorize(request, 'create')
      const { body, headers } = request
      const key = idempotencyKeyOf(request)
      const idempotency = key === undefined ? null : identifyRequest(key, caller.subject, body)
      const author = { subject: caller.subject, mayRead: mayDo(caller, 'read') }
      const created = await createOrReplay(api, body, author, idempotency, request.answerByMs)
      const { link, isReplay, isReused } = created
      if (isReplay) api.events.createReplayed()
      else if (isReused) api.events.linksReused(1)
      else api.events.linksCreated(1)
      reply.code(isReused ? 200 : 201)
      reply.header('location', `/api/v1/links/${link.code}`).header('etag', entityTagOf(link))
      if (isReplay) reply.header('idempotency-replayed', 'true')
      const json = toLinkJson(link, api.publicUrl)
      if (prefersPlainText(headers.accept)) {
        return reply.type('text/plain; charset=utf-8').send(`${json.shortUrl}\n`)
      }
      return json
    },
  )
}

/**
 * A retry is answered like the first attempt even when it would be refused by now: its expiresAt may have passed, or
 * the rules for targets may have changed.
 */
async function createOrReplay(
  api: Api,
  body: Static<typeof CreateBody>,
  author: Author,
  idempotency: Idempotency | null,
  byMs: number,
): Promise<Created> {
  let newLink: NewLink
  try {
    newLink = judgeCreate(body, api.urlRules, author, api.now())
  } catch (refusal) {
    const { password = null } = body
    const replay =
      idempotency === null ? undefined : await api.creator.findReplay(idempotency, password, byMs)
    if (replay === undefined) throw refusal
    return replay
  }
  return await api.creator.create(newLink, idempotency, byMs)
}
