import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { topAnswer } from '../domain/statistics/stats-answer.ts'
import type { RangeQuestion } from '../domain/statistics/stats-range.ts'
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
    'By days in UTC. Candidates are the links that were among the first 100 of their partition on a day: of these the five for each link that is asked for which had the most clicks on such days. They are ordered by all their clicks of the range, which are exact.',
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

/** GET /api/v1/stats/top */
export function topLinksRoute(server: FastifyInstance, api: StatsApi): void {
  server.get<{ Querystring: Pick<RangeQuestion, 'from' | 'to'> & { limit?: number } }>(
    '/api/v1/stats/top',
    { schema, preValidation: api.authorize },
    async (request, reply) => {
      const { from, to, limit = linksDefault } = request.query
      const range = rangeOf({ from, to }, api.retention, api.now())
      if (range.starts.length > daysMax) {
        throw new LinkfleetError('invalid-request', `The range has more than ${daysMax} days.`, {
          field: 'from',
        })
      }
      reply.header('cache-control', 'private, no-store')
      return topAnswer(range, api.defaultDomain, await api.stats.top(range, limit))
    },
  )
}
