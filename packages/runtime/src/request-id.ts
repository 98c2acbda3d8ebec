/**
 * Which request a line of the log, and a call to another service, belongs to. An id comes in the header X-Request-Id or is
 * made here, goes back in the same header, and goes along to whoever is asked on the way.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onSendHookHandler,
} from 'fastify'

export const requestIdHeader = 'x-request-id'

/** Nobody writes an address or a line of their own into our logs: neither dots nor colons, and not for long. */
const acceptable = /^[A-Za-z0-9_-]{1,64}$/

interface InFlight {
  readonly id: string
  readonly answer: { readonly writableEnded: boolean }
}

const inFlight = new AsyncLocalStorage<InFlight>()

const processPrefix = randomBytes(6).toString('hex')
let made = 0

function newRequestId(): string {
  made += 1
  return `${processPrefix}-${made.toString(36)}`
}

/** What was sent, where it can be an id; undefined otherwise. */
export function acceptedRequestId(sent: unknown): string | undefined {
  return typeof sent === 'string' && acceptable.test(sent) ? sent : undefined
}

export function requestIdOf(request: IncomingMessage): string {
  const sent = request.headers[requestIdHeader]
  return (sent === undefined ? undefined : acceptedRequestId(sent)) ?? newRequestId()
}

/** Nothing once it is answered: a connection that was opened for one request outlives it, and serves others. */
export function currentRequestId(): string | undefined {
  const current = inFlight.getStore()
  return current === undefined || current.answer.writableEnded ? undefined : current.id
}

/**
 * Tells the client its request's id, and the log while it is answered. A handler that writes its answers itself, for speed,
 * has neither: only what Fastify sends for it tells the id.
 */
export function identifyRequests(server: FastifyInstance): void {
  const enter = (request: FastifyRequest, reply: FastifyReply, done: () => void) =>
    inFlight.run({ id: request.id, answer: reply.raw }, done)
  const begin: onRequestHookHandler = (request, reply, done) => {
    tellRequestId(request, reply)
    enter(request, reply, done)
  }
  const tellSent: onSendHookHandler = (request, reply, payload, done) => {
    tellRequestId(request, reply)
    done(null, payload)
  }
  server.addHook('onRoute', (route) => {
    if (route.config?.metersOwnAnswers === true) {
      route.onSend = [route.onSend ?? [], tellSent].flat()
      return
    }
    route.onRequest = [begin, route.onRequest ?? []].flat()
    // Reading a body leaves what its hooks began in.
    const hasBody = [route.method].flat().some((method) => method !== 'GET' && method !== 'HEAD')
    if (hasBody) route.preValidation = [enter, route.preValidation ?? []].flat()
  })
}

export function tellRequestId(request: FastifyRequest, reply: FastifyReply): void {
  reply.header(requestIdHeader, request.id)
}

/** Serves a call of another service as a part of the request that it names. */
export async function serveAsPartOf<T>(sent: unknown, serve: () => Promise<T>): Promise<T> {
  const id = acceptedRequestId(sent)
  if (id === undefined) return await serve()
  const answer = { writableEnded: false }
  try {
    return await inFlight.run({ id, answer }, serve)
  } finally {
    answer.writableEnded = true
  }
}
