/**
 * An HTTP server as every service has one: Fastify, problem+json for whatever goes wrong, bounded bodies and
 * times, and the duration of each request by route.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type ErrorCode, errorKinds, LinkfleetError, problemOf } from '@linkfleet/contracts/errors'
import Fastify, {
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchemaCompiler,
  LogController,
} from 'fastify'
import { measureRequests } from './http-durations.ts'
import { parseJsonBodies } from './http-json.ts'
import { watchMethods } from './http-methods.ts'
import { shedLoad } from './http-shedding.ts'
import { answerUnreadable } from './http-unreadable.ts'
import { type Listening, urlOf } from './listen.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { identifyRequests, requestIdOf, tellRequestId } from './request-id.ts'
import { traceRequests } from './tracing/trace-http.ts'

export type { Listening } from './listen.ts'

export interface HttpServerOptions {
  readonly log: Logger
  readonly metrics: Metrics
  /** Bodies over it are answered 413. */
  readonly bodyLimitBytes: number
  /** How long a client may take to send a whole request. */
  readonly requestTimeoutMs: number
  /** Requests that keep waiting longer for the event loop mean overload (load-shedding.ts); 0, or absent, refuses nothing. */
  readonly shedTurnMsMax?: number
  /** Answers 405 where a path has routes for other methods only; 404 unless given. */
  readonly tellsMethods?: boolean
  /** Answers a path that cannot be decoded, which reaches no route; a problem unless given. */
  readonly answerUnreadableUrl?: (request: FastifyRequest, reply: FastifyReply) => void
  /** Makes the checks of routes with schemas (http-schemas.ts); without it a route may have none. */
  readonly compileSchema?: FastifySchemaCompiler<object>
  /** Whether what Fastify itself tells of a request is logged, which costs a small answer some hundredths; it is unless given. */
  readonly logsFastify?: boolean
  /** Further Fastify options, such as `routerOptions`. */
  readonly fastify?: FastifyHttpOptions<Server>
}

export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const server = Fastify({
    // Not its logger: with one, Fastify watches for the end of each answer, whether or not anybody wants to know.
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: requestIdOf,
    // A path that cannot be decoded never reaches a route, a hook or the error handler.
    frameworkErrors: (error, request, reply) => {
      measures.unreadable(request, reply)
      tellRequestId(request, reply)
      if (options.answerUnreadableUrl === undefined) sendProblem(reply, toLinkfleetError(error))
      else options.answerUnreadableUrl(request, reply)
    },
    clientErrorHandler: answerUnreadable,
    routerOptions: { maxParamLength: paramCharactersMax },
    schemaController: {
      compilersFactory: {
        // Not Fastify's own, which loads a compiler for routes that have no schema.
        buildValidator: () => refuseSchema,
        // Answers are described for people; what is sent is already exact.
        buildSerializer: () => () => JSON.stringify,
      },
    },
    ...options.fastify,
  })
  // One logger for all requests: a child for each would cost more than many of the answers.
  if (options.logsFastify !== false) server.setChildLoggerFactory(() => options.log)
  if (options.compileSchema !== undefined) server.setValidatorCompiler(options.compileSchema)
  const measures = measureRequests(server, options.metrics)
  shedLoad(server, options.metrics, options.shedTurnMsMax ?? 0, measures)
  identifyRequests(server)
  traceRequests(server)
  parseJsonBodies(server)
  const methodsOf = options.tellsMethods === true ? watchMethods(server) : () => []
  server.setErrorHandler(async (error, request, reply) => {
    const known = toLinkfleetError(error)
    if (known.code === 'body-too-large') await discardBody(request.raw)
    if (known.code === 'internal') {
      const { id, routeOptions } = request
      options.log.error({ err: error, requestId: id, url: routeOptions.url }, 'request failed')
    }
    return sendProblem(reply, known)
  })
  server.setNotFoundHandler((request, reply) => {
    measures.unrouted(request, reply)
    tellRequestId(request, reply)
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '')
    if (methods.length > 0) {
      reply.header('allow', methods.join(', '))
      return sendProblem(reply, new LinkfleetError('method-not-allowed', `Allowed: ${methods.join(', ')}.`))
    }
    return sendProblem(reply, new LinkfleetError('not-found', 'No such page or method.'))
  })
  return server
}

function refuseSchema(): never {
  throw new Error('A route has a schema, and this server has nothing that compiles it (compileSchema).')
}

/** Longer path parameters match no route; what a shorter one may be, its route decides. */
const paramCharactersMax = 1_000

const discardBytesMax = 32 * 1024 * 1024
const discardMs = 5_000

/**
 * Reads a refused body to its end, within bounds: a client that is still sending when the connection closes sees a
 * broken pipe instead of the answer.
 */
async function discardBody(request: IncomingMessage): Promise<void> {
  let bytesLeft = discardBytesMax
  const timeout = AbortSignal.timeout(discardMs)
  await new Promise<void>((resolve) => {
    request.on('data', (chunk: Buffer) => {
      bytesLeft -= chunk.length
      if (bytesLeft < 0) resolve()
    })
    request.once('end', resolve)
    request.once('close', resolve)
    timeout.addEventListener('abort', () => resolve())
    if (request.complete || request.destroyed) resolve()
    else request.resume()
  })
}

/** Answers with RFC 9457 problem details. */
export function sendProblem(reply: FastifyReply, error: LinkfleetError): FastifyReply {
  const problem = problemOf(error)
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problem))
}

const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid-request',
  FST_ERR_BAD_URL: 'invalid-request',
}

/** Where JSON Schema's own sentence speaks of the schema instead of the field. */
const sentences: Readonly<Record<string, string>> = {
  required: 'is required',
  additionalProperties: 'is not a known field',
}

const fieldsOfCodes: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'content-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'content-length',
  FST_ERR_BAD_URL: 'url',
}

/** Any exception as one of the closed list; what is not known becomes "internal" and tells the caller nothing. */
export function toLinkfleetError(error: unknown): LinkfleetError {
  if (error instanceof LinkfleetError) return error
  const { code, validation, validationContext, message, statusCode } = error as Partial<FastifyError>
  const first = validation?.[0]
  if (first !== undefined) {
    // What is wrong with a whole body is its type.
    const field = fieldOf(first.instancePath, first.params) || (validationContext ?? '')
    const subject = field === '' ? 'The request' : field
    const detail = `${subject} ${sentences[first.keyword] ?? first.message ?? 'is not valid'}.`
    return new LinkfleetError('invalid-request', detail, { cause: error, ...(field === '' ? {} : { field }) })
  }
  const mapped = code === undefined ? undefined : fastifyCodes[code]
  if (mapped !== undefined) {
    const field = fieldsOfCodes[code ?? ''] ?? 'body'
    return new LinkfleetError(mapped, message ?? errorKinds[mapped].title, { cause: error, field })
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new LinkfleetError('invalid-request', message ?? 'The request is not valid.', { cause: error })
  }
  return new LinkfleetError('internal', 'The request failed. It has been logged.', { cause: error })
}

/** The offending field of a JSON Schema error, in the dotted form in which people write it: `tags.0`. */
function fieldOf(instancePath: string | undefined, params: Record<string, unknown> | undefined): string {
  const path = (instancePath ?? '').split('/').filter((part) => part !== '')
  const named = params?.missingProperty ?? params?.additionalProperty
  if (typeof named === 'string') path.push(shortened(named))
  return path.join('.')
}

const nameCharactersMax = 64

/** A name that a client made up is told back only as far as a person needs it. */
export const shortened = (name: string): string =>
  name.length <= nameCharactersMax ? name : `${name.slice(0, nameCharactersMax).toWellFormed()}…`

const closeIdleEveryMs = 25
/** A connection in use brings its next request well within this time; one that does not is idle. */
const lastRequestsMs = 300

/**
 * Listens. Disposing stops accepting at once, and lets accepted requests finish. A kept connection is not closed under
 * a request that may be on its way: for a moment each is answered once more, with `Connection: close`, so that its
 * client turns elsewhere by itself; then idle ones are closed, also those that fall idle meanwhile.
 */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<Listening> {
  const connections = new Set<Socket>()
  server.server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  await server.listen({ host, port })
  const [address] = server.addresses()
  if (address === undefined || typeof address === 'string')
    throw new Error('The HTTP server has no TCP address.')
  return {
    url: urlOf(address),
    port: address.port,
    async [Symbol.asyncDispose]() {
      const http = server.server
      http.prependListener('request', (_request, response: ServerResponse) => {
        response.setHeader('connection', 'close')
      })
      // Not http's own close, which closes idle connections at once.
      const drained = new Promise<void>((resolve) => NetServer.prototype.close.call(http, () => resolve()))
      await Promise.race([drained, delay(lastRequestsMs, undefined, { ref: false })])
      const closingIdle = setInterval(() => {
        http.closeIdleConnections()
        // To Node a connection that never sent a byte is not idle but late: browsers open such ones ahead of need.
        for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
      }, closeIdleEveryMs)
      try {
        await server.close()
      } finally {
        clearInterval(closingIdle)
      }
    },
  }
}
