import { codeBytesMax } from '@linkfleet/contracts/clicks'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { filteredAnswer, linkAnswer } from '../domain/stats-answer.ts'
import { judgeFilter, type StatsFilter } from '../domain/stats-filter.ts'
import type { RangeQuestion, StatsRange } from '../domain/stats-range.ts'
import type { LinkKey } from '../ports.ts'
import { rangeOf, rangeQuery } from './range-query.ts'
import type { StatsApi } from './server.ts'
import { answers, FilteredStatsJson, filterDescription, LinkStatsJson, security } from './stats-json.ts'

const defaultDomainId = 1

const schema = {
  summary: 'Clicks of a link',
  tags: ['statistics'],
  security,
  params: Type.Object({ code: Type.String({ minLength: 1, maxLength: codeBytesMax }) }),
  querystring: Type.Object(
    {
      ...rangeQuery,
      // An array, so that a second one is refused with the reason.
      filter: Type.Optional(Type.Array(Type.String(), { maxItems: 10, description: filterDescription })),
      domain: Type.Optional(Type.String({ maxLength: 253, description: 'The host of the short URL.' })),
    },
    { additionalProperties: false },
  ),
  response: answers(Type.Union([LinkStatsJson, FilteredStatsJson]), 400, 401, 404, 503),
}

interface StatsQuestion extends RangeQuestion {
  readonly domain?: string
  readonly filter?: readonly string[]
}

/** GET /api/v1/links/:code/stats */
export function linkStatsRoute(server: FastifyInstance, api: StatsApi): void {
  server.get<{ Params: { code: string }; Querystring: StatsQuestion }>(
    '/api/v1/links/:code/stats',
    { schema, preValidation: api.authorize },
    async (request, reply) => {
      const range = rangeOf(request.query, api.retention, api.now())
      const filter = filterOf(request.query.filter ?? [], range)
      const { domain } = request.query
      if (domain !== undefined && domain.toLowerCase() !== api.defaultDomain) {
        throw new LinkfleetError('not-found', 'There is no such domain.', { field: 'domain' })
      }
      const key = { domainId: defaultDomainId, code: request.params.code }
      if (!isText(key.code)) throw unknownCode()
      reply.header('cache-control', 'private, no-store')
      return await answerOf(api, key, range, filter)
    },
  )
}

async function answerOf(api: StatsApi, key: LinkKey, range: StatsRange, filter: StatsFilter | undefined) {
  if (filter !== undefined) {
    const filtered = await api.stats.filtered(key, range, filter)
    if (!filtered.isKnown) await requireLink(api, key)
    return filteredAnswer(key.code, range, filter, filtered)
  }
  const stats = await api.stats.link(key, range)
  if (stats.counts === undefined) await requireLink(api, key)
  return linkAnswer(key.code, range, stats)
}

/** A code with clicks was followed, so it is known; of the others only the shortener can tell. */
async function requireLink(api: StatsApi, key: LinkKey): Promise<void> {
  if (!(await api.links.isKnown(key))) throw unknownCode()
}

/** Values are counted by days of UTC, so a filter goes with no other interval. */
function filterOf(texts: readonly string[], range: StatsRange): StatsFilter | undefined {
  const judgement = judgeFilter(texts)
  if (judgement.kind === 'invalid') throw invalid('filter', judgement.detail)
  const { filter } = judgement
  if (filter === undefined) return undefined
  if (range.grain !== 'day') throw invalid('interval', 'Values of a dimension are counted by day.')
  if (range.timezone !== 'UTC') throw invalid('timezone', 'Values of a dimension are counted by days in UTC.')
  return filter
}

/** Postgres and protobuf hold neither NUL nor half a surrogate pair. */
function isText(code: string): boolean {
  return code.isWellFormed() && !code.includes('\0')
}

function invalid(field: string, detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field })
}

function unknownCode(): LinkfleetError {
  return new LinkfleetError('not-found', 'There is no link with this code.', { field: 'code' })
}
