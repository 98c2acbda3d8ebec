import type { FastifyInstance } from 'fastify'
import { type SloRange, type SloView, sloRanges } from '../domain/views.ts'
import type { Sessions } from '../ports.ts'
import { requireSession } from './insiders.ts'

const query = {
  type: 'object',
  additionalProperties: false,
  properties: { range: { type: 'string', enum: [...sloRanges], default: '1h' } },
} as const

export function sloRoute(
  server: FastifyInstance,
  sessions: Sessions,
  readSlo: (range: SloRange) => Promise<SloView>,
): void {
  server.get<{ Querystring: { range: SloRange } }>(
    '/api/console/slo',
    { schema: { querystring: query } },
    async (request) => {
      await requireSession(sessions, request)
      return await readSlo(request.query.range)
    },
  )
}
