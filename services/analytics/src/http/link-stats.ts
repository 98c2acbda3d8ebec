import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { filteredAnswer, linkAnswer } from '../domain/statistics/stats-answer.ts'
import { judgeFilter, type StatsFilter } from '../domain/statistics/stats-filter.ts'
import type { RangeQuestion, StatsRange } from '../domain/statistics/stats-range.ts'
import type { LinkKey } from '../ports.ts'
import { domainQuery, linkKeyOf, linkParams, requireLink } from './link-key.ts'
import { rangeOf, rangeQuery } from './range-query.ts'
import type { StatsApi } from './server.ts'
import { answers, FilteredStatsJson, filterDescription, LinkStatsJson, security } from './stats-json.ts'

const schema = {
  summary: 'Clicks of a link',
  tags: ['statistics'],
  security,
  params: linkParams,
  querystring: Type.Object(
    {
      ...rangeQuery,
      // An array, so that a second one is refused with the reason.
      filter: Type.Optional(Type.Array(Type.String(), { maxItems: 10, description: filterDescription })),
      ...domainQuery,
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
      const key = linkKeyOf(api, request.params.code, request.query.domain)
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

function invalid(field: string, detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field })
}
