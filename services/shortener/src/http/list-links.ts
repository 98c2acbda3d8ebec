import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { refuseControlCharacters, tagLengthMax } from '../domain/judge-link.ts'
import { defaultDomainId } from '../domain/link.ts'
import type { Api } from './api.ts'
import { answers, CountedLinkJson, security, toLinkJson } from './link-json.ts'

const Query = Type.Object(
  {
    cursor: Type.Optional(Type.String({ maxLength: 64, description: 'nextCursor of the page before.' })),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    tag: Type.Optional(Type.String({ minLength: 1, maxLength: tagLengthMax })),
    search: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Part of the code, title or target.' }),
    ),
  },
  { additionalProperties: false },
)

const schema = {
  summary: 'List links, newest first',
  description:
    'Go on with nextCursor until it is null. A page of a search may be short, even empty, before the end.',
  tags: ['links'],
  security,
  querystring: Query,
  response: answers(
    {
      200: Type.Object({
        links: Type.Array(CountedLinkJson),
        nextCursor: Type.Union([Type.String(), Type.Null()]),
      }),
    },
    400,
    401,
    403,
    503,
  ),
}

export function listLinksRoute(server: FastifyInstance, api: Api): void {
  server.get<{ Querystring: Static<typeof Query> }>('/api/v1/links', { schema }, async (request, reply) => {
    await api.authorize(request, 'read')
    const { cursor, limit, tag, search } = request.query
    refuseControlCharacters('tag', tag)
    refuseControlCharacters('search', search)
    const query = {
      domainId: defaultDomainId,
      beforeCreatedVersion: cursor === undefined ? null : decodeCursor(cursor),
      linksMax: limit,
      tag: tag ?? null,
      search: search ?? null,
    }
    const page = await api.links.list(query, request.answerByMs)
    const totals = await api.totals.totals(page.links.map(({ domainId, code }) => ({ domainId, code })))
    reply.header('cache-control', 'no-store')
    const next = page.nextBeforeCreatedVersion
    return {
      links: page.links.map((link, index) => ({
        ...toLinkJson(link, api.publicUrl),
        clicks: totals[index] ?? null,
      })),
      nextCursor: next === null ? null : encodeCursor(next),
    }
  })
}

/** A cursor is opaque to clients, so that what it holds may change. */
function encodeCursor(createdVersion: number): string {
  return Buffer.from(`v${createdVersion}`).toString('base64url')
}

function decodeCursor(cursor: string): number {
  const version = /^v(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1]
  if (version === undefined) {
    throw new LinkfleetError('invalid-request', 'The cursor is not one that this API gave.', {
      field: 'cursor',
    })
  }
  return Number(version)
}
