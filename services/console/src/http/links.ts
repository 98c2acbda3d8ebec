import type { FastifyInstance } from 'fastify'
import type { Upstream } from '../ports.ts'
import { forward } from './visitor-request.ts'

const listQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    cursor: { type: 'string', maxLength: 512 },
    limit: { type: 'integer', minimum: 1, maximum: 100 },
    tag: { type: 'string', maxLength: 128 },
    search: { type: 'string', maxLength: 256 },
  },
} as const

/** The list of links, and creating one. What may stand in a link is the shortener's to judge. */
export function linksRoutes(server: FastifyInstance, shortener: Upstream): void {
  const path = '/api/v1/links'
  server.get<{ Querystring: Record<string, string | number> }>(
    path,
    { schema: { querystring: listQuery } },
    async (request, reply) =>
      await forward(shortener, request, reply, { method: 'GET', path, query: request.query }),
  )
  server.post(
    path,
    async (request, reply) =>
      await forward(shortener, request, reply, { method: 'POST', path, body: request.body }),
  )
}
