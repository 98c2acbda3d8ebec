import { codeBytesMax } from '@linkfleet/contracts/clicks'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { linkAnswer } from '../domain/stats-answer.ts'
import type { RangeQuestion, Retention } from '../domain/stats-range.ts'
import type { Links, StatsReader } from '../ports.ts'
import type { Authorize } from './authorize.ts'
import { rangeOf, rangeQuerySchema } from './range-query.ts'

export interface LinkStatsOptions {
  readonly stats: StatsReader
  readonly links: Links
  readonly authorize: Authorize
  readonly retention: Retention
  /** The name of the domain whose short URLs name no other. */
  readonly defaultDomain: string
  readonly now: () => number
}

const defaultDomainId = 1
const paramsSchema = Type.Object({ code: Type.String({ minLength: 1, maxLength: codeBytesMax }) })
const querySchema = Type.Object(
  { ...rangeQuerySchema.properties, domain: Type.Optional(Type.String({ maxLength: 253 })) },
  { additionalProperties: false },
)

/** GET /api/v1/links/:code/stats */
export function linkStatsRoute(server: FastifyInstance, options: LinkStatsOptions): void {
  server.get<{ Params: { code: string }; Querystring: RangeQuestion & { domain?: string } }>(
    '/api/v1/links/:code/stats',
    {
      schema: { params: paramsSchema, querystring: querySchema },
      preValidation: options.authorize,
    },
    async (request, reply) => {
      const range = rangeOf(request.query, options.retention, options.now())
      const { domain } = request.query
      if (domain !== undefined && domain.toLowerCase() !== options.defaultDomain) {
        throw new LinkfleetError('not-found', 'There is no such domain.', { field: 'domain' })
      }
      const key = { domainId: defaultDomainId, code: request.params.code }
      if (!isText(key.code)) throw unknownCode()
      const stats = await options.stats.link(key, range)
      // A code with clicks was followed, so it is known; of the others only the shortener can tell.
      if (stats.counts === undefined && !(await options.links.isKnown(key))) throw unknownCode()
      reply.header('cache-control', 'private, no-store')
      return linkAnswer(key.code, range, stats)
    },
  )
}

/** Postgres and protobuf hold neither NUL nor half a surrogate pair. */
function isText(code: string): boolean {
  return code.isWellFormed() && !code.includes('\0')
}

function unknownCode(): LinkfleetError {
  return new LinkfleetError('not-found', 'There is no link with this code.', { field: 'code' })
}
