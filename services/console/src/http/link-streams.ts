/** What comes bit by bit: live clicks of a link as server-sent events, and its numbers as a file. */
import { PassThrough, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Upstream } from '../ports.ts'
import { linkParams, linkQuery } from './link.ts'
import { statsQuery } from './link-stats.ts'
import { type Forwarding, requestOf } from './visitor-request.ts'

/** Each holds a connection to a visitor and one to analytics. */
const streamsMax = 1_000

const exportQuery = {
  ...statsQuery,
  properties: {
    ...statsQuery.properties,
    format: { type: 'string', enum: ['csv', 'ndjson'] },
  },
} as const

interface StreamRequest {
  Params: { code: string }
  Querystring: Record<string, string | undefined>
}

export function linkStreamRoutes(server: FastifyInstance, analytics: Upstream): void {
  const open = new Set<AbortController>()
  // A stop waits for what is open, and a live stream does not end by itself.
  server.addHook('preClose', async () => {
    for (const stream of open) stream.abort()
  })

  async function forwardStream(
    request: FastifyRequest,
    reply: FastifyReply,
    forwarding: Forwarding,
    isLive: boolean,
  ): Promise<FastifyReply> {
    if (open.size >= streamsMax) {
      throw new LinkfleetError('unavailable', 'All streams of this console are taken.', {
        retryAfterSeconds: 5,
      })
    }
    const left = new AbortController()
    open.add(left)
    reply.raw.once('close', () => {
      open.delete(left)
      left.abort()
    })
    const answer = await analytics.stream(requestOf(request, forwarding), left.signal)
    reply.code(answer.status).headers(answer.headers)
    if (answer.status === 200 && isLive) reply.header('x-accel-buffering', 'no')
    return reply.send(answer.body === null ? '' : passed(answer.body as ReadableStream, isLive))
  }

  // A HEAD would be a stream that nobody reads.
  const options = { exposeHeadRoute: false }
  server.get<StreamRequest>(
    '/api/v1/links/:code/stats/live',
    { ...options, schema: { params: linkParams, querystring: linkQuery } },
    async (request, reply) => {
      const path = `/api/v1/links/${request.params.code}/stats/live`
      return await forwardStream(request, reply, { method: 'GET', path, query: request.query }, true)
    },
  )
  server.get<StreamRequest>(
    '/api/v1/links/:code/stats/export',
    { ...options, schema: { params: linkParams, querystring: exportQuery } },
    async (request, reply) => {
      const path = `/api/v1/links/${request.params.code}/stats/export`
      return await forwardStream(request, reply, { method: 'GET', path, query: request.query }, false)
    },
  )
}

/** A live stream that breaks off just ends, and its reader comes back; a file that breaks off must not look whole. */
function passed(body: ReadableStream, isLive: boolean): PassThrough {
  const source = Readable.fromWeb(body)
  const out = new PassThrough()
  source.on('error', (error) => (isLive ? out.end() : out.destroy(error)))
  out.on('close', () => source.destroy())
  return source.pipe(out)
}
