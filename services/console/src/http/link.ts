import type { FastifyInstance } from 'fastify'
import type { Upstream } from '../ports.ts'
import { forward } from './visitor-request.ts'

/** The shape of every code and alias. Anything else could name another path upstream: `..` is the one above. */
export const linkParams = {
  type: 'object',
  properties: { code: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } },
} as const

export const linkQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { domain: { type: 'string', maxLength: 253 } },
} as const

interface LinkRequest {
  Params: { code: string }
  Querystring: { domain?: string }
}

/** One link: read, change, delete. */
export function linkRoutes(server: FastifyInstance, shortener: Upstream): void {
  const schema = { params: linkParams, querystring: linkQuery }
  for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
    server.route<LinkRequest>({
      method,
      url: '/api/v1/links/:code',
      schema,
      handler: async (request, reply) =>
        await forward(shortener, request, reply, {
          method,
          path: `/api/v1/links/${request.params.code}`,
          query: request.query,
          ...(method === 'PATCH' ? { body: request.body } : {}),
        }),
    })
  }
}
