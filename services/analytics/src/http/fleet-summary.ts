import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { fleetAnswer } from '../domain/statistics/stats-answer.ts'
import type { RangeQuestion } from '../domain/statistics/stats-range.ts'
import { rangeOf, rangeQuery } from './range-query.ts'
import type { StatsApi } from './server.ts'
import { answers, FleetStatsJson, security } from './stats-json.ts'

const schema = {
  summary: 'Clicks of all links together',
  tags: ['statistics'],
  security,
  querystring: Type.Object(rangeQuery, { additionalProperties: false }),
  response: answers(FleetStatsJson, 400, 401, 503),
}

/** GET /api/v1/stats/summary: all links together. */
export function fleetSummaryRoute(server: FastifyInstance, api: StatsApi): void {
  server.get<{ Querystring: RangeQuestion }>(
    '/api/v1/stats/summary',
    { schema, preValidation: api.authorize },
    async (request, reply) => {
      const range = rangeOf(request.query, api.retention, api.now())
      reply.header('cache-control', 'private, no-store')
      return fleetAnswer(range, await api.stats.fleet(range))
    },
  )
}
