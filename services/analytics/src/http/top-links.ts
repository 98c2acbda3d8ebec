import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { dayMs } from '../domain/grains.ts'
import { topAnswer } from '../domain/statistics/stats-answer.ts'
import {
  keptFromMs,
  type RangeQuestion,
  type Retention,
  type StatsRange,
} from '../domain/statistics/stats-range.ts'
import { daysQuery, rangeOf } from './range-query.ts'
import type { StatsApi } from './server.ts'
import { answers, security, TopLinksJson } from './stats-json.ts'

const linksMax = 100
const linksDefault = 10
/** Each day has a list of its own, and they are read all. */
const daysMax = 92

const schema = {
  summary: 'The links with the most clicks',
  description:
    'By days in UTC. Candidates are the links that were among the first 100 of their partition on a day: of these the five for each link that is asked for which had the most clicks on such days. They are ordered by all their clicks of the range, which are exact. Candidates are kept as long as clicks by hour (HOUR_RETENTION_DAYS): a range that begins before that is refused.',
  tags: ['statistics'],
  security,
  querystring: Type.Object(
    {
      ...daysQuery,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: linksMax, default: linksDefault })),
    },
    { additionalProperties: false },
  ),
  response: answers(TopLinksJson, 400, 401, 503),
}

type DaysQuestion = Pick<RangeQuestion, 'from' | 'to'>

/** Throws LinkfleetError for days whose candidates are gone: an empty list would say that nobody followed a link. */
export function topRangeOf({ from, to }: DaysQuestion, retention: Retention, nowMs: number): StatsRange {
  const range = rangeOf({ from, to }, retention, nowMs)
  if (range.starts.length > daysMax) throw invalidFrom(`The range has more than ${daysMax} days.`)
  const keptMs = keptFromMs(retention.hourDays * dayMs, nowMs)
  if (range.fromMs >= keptMs) return range
  // Whoever names no beginning is answered for what is kept.
  if (from === undefined && range.toMs > keptMs)
    return rangeOf({ from: new Date(keptMs).toISOString(), to }, retention, nowMs)
  throw invalidFrom(
    `The links with the most clicks of a day are kept for ${retention.hourDays} days; ask for later ones.`,
  )
}

function invalidFrom(detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field: 'from' })
}

/** GET /api/v1/stats/top */
export function topLinksRoute(server: FastifyInstance, api: StatsApi): void {
  server.get<{ Querystring: DaysQuestion & { limit?: number } }>(
    '/api/v1/stats/top',
    { schema, preValidation: api.authorize },
    async (request, reply) => {
      const { from, to, limit = linksDefault } = request.query
      const range = topRangeOf({ from, to }, api.retention, api.now())
      reply.header('cache-control', 'private, no-store')
      return topAnswer(range, api.defaultDomain, await api.stats.top(range, limit))
    },
  )
}
