import type { FastifyInstance } from 'fastify'
import { fleetAnswer } from '../domain/stats-answer.ts'
import type { RangeQuestion, Retention } from '../domain/stats-range.ts'
import type { StatsReader } from '../ports.ts'
import type { Authorize } from './authorize.ts'
import { rangeOf, rangeQuerySchema } from './range-query.ts'

export interface FleetSummaryOptions {
  readonly stats: StatsReader
  readonly authorize: Authorize
  readonly retention: Retention
  readonly now: () => number
}

/** GET /api/v1/stats/summary: all links together. */
export function fleetSummaryRoute(server: FastifyInstance, options: FleetSummaryOptions): void {
  server.get<{ Querystring: RangeQuestion }>(
    '/api/v1/stats/summary',
    { schema: { querystring: rangeQuerySchema }, preValidation: options.authorize },
    async (request, reply) => {
      const range = rangeOf(request.query, options.retention, options.now())
      reply.header('cache-control', 'private, no-store')
      return fleetAnswer(range, await options.stats.fleet(range))
    },
  )
}
