import { errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { toLinkfleetError } from '@linkfleet/runtime/http'
import { compileBody } from '@linkfleet/runtime/http-schemas'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { type BulkItem, type BulkResult, bulkLinksMax, bulkPasswordsMax } from '../domain/create-bulk.ts'
import { type Caller, mayDo } from '../domain/credentials.ts'
import { identifyBulk } from '../domain/idempotency.ts'
import { judgeCreate } from '../domain/judge-link.ts'
import type { Api } from './api.ts'
import { idempotencyKeyOf } from './conditions.ts'
import { CreateBody } from './create-link.ts'
import { answers, LinkJson, security, toLinkJson } from './link-json.ts'

/** Four kilobytes for each of a thousand links; a link has at most a URL of 2,048 characters, a title and tags. */
const bodyLimitBytes = 4 * 1024 * 1024
/** A link has some ten fields and at most twenty tags: half of this. */
const jsonValuesMax = 64 * bulkLinksMax

const Result = Type.Object(
  {
    status: Type.Integer({
      description: '201 created, 200 reused, otherwise what a create by itself would answer.',
    }),
    link: Type.Optional(LinkJson),
    error: Type.Optional(
      Type.Object({
        code: Type.String({ description: 'Stable: programs may rely on it.' }),
        detail: Type.String(),
        field: Type.Optional(Type.String({ description: 'With the place of the item: links.3.url.' })),
      }),
    ),
  },
  { $id: 'BulkResult' },
)

const Body = Type.Object(
  { links: Type.Array(CreateBody, { minItems: 1, maxItems: bulkLinksMax }) },
  { additionalProperties: false },
)

/** What is checked before the items: each of them is judged by itself. */
const Envelope = Type.Object(
  { links: Type.Array(Type.Unknown(), { minItems: 1, maxItems: bulkLinksMax }) },
  { additionalProperties: false },
)

const schema = {
  summary: 'Create up to 1,000 short links',
  description: `Each link is answered by itself, in order; one that is refused keeps no other from being made. Of links with the same alias the first gets it. The body has at most ${bodyLimitBytes / 1024 / 1024} MiB, and at most ${bulkPasswordsMax} different passwords. An Idempotency-Key holds for the bulk as a whole: a retry is answered like the first attempt, also for links that were refused; only those answered 500 or 503 are tried again.`,
  tags: ['links'],
  security,
  headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String()) }),
  body: Body,
  response: answers({ 200: Type.Object({ results: Type.Array(Result) }) }, 400, 401, 403, 413, 415, 422, 503),
}

const notAnObject = new LinkfleetError('invalid-request', 'The item must be an object with a url.')

const checkEnvelope = compileBody(Envelope)
const checkItem = compileBody(CreateBody)

export function createLinksBulkRoute(server: FastifyInstance, api: Api): void {
  server.post<{ Body: Static<typeof Envelope> }>(
    '/api/v1/links/bulk',
    {
      config: { priority: 'low', jsonValuesMax },
      schema,
      bodyLimit: bodyLimitBytes,
      validatorCompiler: ({ schema: part, httpPart }) =>
        httpPart === 'body' ? checkEnvelope : compileBody(part),
    },
    async (request, reply) => {
      const caller = await api.authorize(request, 'create')
      const { body } = request
      const key = idempotencyKeyOf(request)
      const idempotency = key === undefined ? null : identifyBulk(key, caller.subject, body.links)
      const nowMs = api.now()
      const items = body.links.map((item) => judgeItem(api, item, caller, nowMs))
      const { results, fresh, isReplay } = await api.createBulk(items, idempotency, request.answerByMs)
      if (isReplay) reply.header('idempotency-replayed', 'true')
      if (isReplay) api.events.createReplayed()
      else countLinks(api, fresh)
      return { results: results.map((result, place) => toResultJson(result, place, api.publicUrl)) }
    },
  )
}

function judgeItem(api: Api, item: unknown, { subject, ...caller }: Caller, nowMs: number): BulkItem {
  if (checkItem(item) !== true) {
    const error = toLinkfleetError({ validation: checkItem.errors, validationContext: '' })
    return error.field === undefined ? notAnObject : error
  }
  try {
    const author = { subject, mayRead: mayDo({ subject, ...caller }, 'read') }
    return judgeCreate(item as Static<typeof CreateBody>, api.urlRules, author, nowMs)
  } catch (error) {
    if (error instanceof LinkfleetError) return error
    throw error
  }
}

function countLinks(api: Api, results: readonly BulkResult[]): void {
  const made = results.filter((result) => result.kind === 'made')
  const reused = made.filter((result) => result.isReused).length
  api.events.linksCreated(made.length - reused)
  api.events.linksReused(reused)
}

function toResultJson(result: BulkResult, place: number, publicUrl: string): Static<typeof Result> {
  if (result.kind === 'made') {
    return { status: result.isReused ? 200 : 201, link: toLinkJson(result.link, publicUrl) }
  }
  const { code, message, field } = result.error
  const at = `links.${place}`
  return {
    status: errorKinds[code].httpStatus,
    error: { code, detail: message, field: field === undefined ? at : `${at}.${field}` },
  }
}
