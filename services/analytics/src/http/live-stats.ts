import { createHash } from 'node:crypto'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { totalOfEventId } from '../domain/statistics/live-count.ts'
import type { Watched } from '../ports.ts'
import { domainQuery, linkKeyOf, linkParams, requireLink } from './link-key.ts'
import { openLiveStream } from './live-stream.ts'
import type { StatsApi } from './server.ts'
import { answers, security } from './stats-json.ts'

const LiveEventsText = {
  description:
    'Server-sent events. The id of each is its total; its data is JSON: {total, delta, humans, bots, asOf}. With Last-Event-ID the stream goes on after that event, without a gap and without a repeat.',
  content: { 'text/event-stream': { schema: Type.String() } },
}

const common = {
  tags: ['statistics'],
  security,
  headers: Type.Object({
    'last-event-id': Type.Optional(Type.String({ description: 'The id of the last event that was read.' })),
  }),
}

const linkSchema = {
  ...common,
  summary: 'Clicks of a link as they are counted',
  params: linkParams,
  querystring: Type.Object(domainQuery, { additionalProperties: false }),
  response: answers(LiveEventsText, 400, 401, 404, 429, 503),
}

const fleetSchema = {
  ...common,
  summary: 'Clicks of all links together as they are counted',
  querystring: Type.Object({}, { additionalProperties: false }),
  response: answers(LiveEventsText, 400, 401, 429, 503),
}

/** GET /api/v1/links/:code/stats/live and GET /api/v1/stats/live. */
export function liveStatsRoutes(server: FastifyInstance, api: StatsApi): void {
  // A HEAD would be a stream that nobody reads.
  const options = { preValidation: api.authorize, exposeHeadRoute: false }
  server.get<{ Params: { code: string }; Querystring: { domain?: string } }>(
    '/api/v1/links/:code/stats/live',
    { ...options, schema: linkSchema },
    async (request, reply) => {
      const key = linkKeyOf(api, request.params.code, request.query.domain)
      await stream(api, request, reply, key, async () => {
        const { totals } = await api.stats.live([key], false)
        if (totals.length === 0) await requireLink(api, key)
      })
    },
  )
  server.get('/api/v1/stats/live', { ...options, schema: fleetSchema }, async (request, reply) => {
    await stream(api, request, reply, 'fleet', async () => {})
  })
}

async function stream(
  api: StatsApi,
  request: FastifyRequest,
  reply: FastifyReply,
  watched: Watched,
  check: () => Promise<void>,
): Promise<void> {
  const lastTotal = lastTotalOf(request)
  const place = api.live.reserve(callerOf(request))
  try {
    await check()
  } catch (error) {
    place.leave()
    throw error
  }
  reply.raw.once('close', () => place.leave())
  if (request.raw.destroyed) return place.leave()
  reply.hijack()
  place.join(openLiveStream(reply.raw, { watched, lastTotal, now: api.now }))
}

function lastTotalOf({ headers }: FastifyRequest): number | undefined {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return undefined
  const total = typeof id === 'string' ? totalOfEventId(id) : undefined
  if (total !== undefined) return total
  throw new LinkfleetError('invalid-request', 'Last-Event-ID is the id of an event of this stream.', {
    field: 'last-event-id',
  })
}

/** Whoever shows the same key or session, else whoever calls from the same address; no secret is kept. */
function callerOf({ headers, ip }: FastifyRequest): string {
  const credential = headers.authorization ?? headers['x-api-key'] ?? ip
  return createHash('sha256').update(String(credential)).digest('base64')
}
