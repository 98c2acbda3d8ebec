import type { FastifyInstance } from 'fastify'
import type { FleetView } from '../domain/views.ts'
import type { Sessions } from '../ports.ts'
import { requireSession } from './insiders.ts'

export function fleetRoute(
  server: FastifyInstance,
  sessions: Sessions,
  readFleet: () => Promise<FleetView>,
): void {
  server.get('/api/console/fleet', async (request) => {
    await requireSession(sessions, request)
    return await readFleet()
  })
}
