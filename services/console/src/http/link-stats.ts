import type { FastifyInstance } from 'fastify'
import type { Upstream } from '../ports.ts'
import { linkParams, linkQuery } from './link.ts'
import { forward } from './visitor-request.ts'

export const statsQuery = {
  ...linkQuery,
  properties: {
    ...linkQuery.properties,
    from: { type: 'string', maxLength: 40 },
    to: { type: 'string', maxLength: 40 },
    interval: { type: 'string', enum: ['minute', 'hour', 'day'] },
    timezone: { type: 'string', maxLength: 64 },
  },
} as const

interface StatsRequest {
  Params: { code: string }
  Querystring: { domain?: string; from?: string; to?: string; interval?: string; timezone?: string }
}

/** The clicks of one link over time. */
export function linkStatsRoute(server: FastifyInstance, analytics: Upstream): void {
  server.get<StatsRequest>(
    '/api/v1/links/:code/stats',
    { schema: { params: linkParams, querystring: statsQuery } },
    async (request, reply) =>
      await forward(analytics, request, reply, {
        method: 'GET',
        path: `/api/v1/links/${request.params.code}/stats`,
        query: request.query,
      }),
  )
}
