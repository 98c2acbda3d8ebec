/** How long each request took, by route, from the moment it arrived. */
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onResponseHookHandler,
  onSendHookHandler,
  RouteOptions,
} from 'fastify'
import type { Priority } from './load-shedding.ts'
import { type HistogramSeries, latencyBucketsSeconds, type Metrics } from './metrics.ts'
import { turnClock } from './turn-clock.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The statuses a route without a response schema answers, so that their series exist at 0. */
    readonly statuses?: readonly number[]
    /** What is refused first when more is asked than can be answered; `normal` unless given. */
    readonly priority?: Priority
    /** Requests of this route queue elsewhere: fewer are let in at once when answers take longer than this. */
    readonly waitMsMax?: number
    /** Answers that its handler writes itself are told to an `answerMeter`; a hook measures what Fastify sends. */
    readonly metersOwnAnswers?: boolean
  }
  interface FastifyRequest {
    /** The earliest moment, of performance.now(), at which this request can have arrived. */
    arrivedMs: number
  }
}

/** The label of requests that match no route. */
const noRoute = 'none'
/** No status that is sent: the client closed the connection before it was answered. */
const clientGone = 499

type Measure = (request: FastifyRequest, reply: FastifyReply) => void

/** Measure what no hook of Fastify sees: a request without a route, one whose path cannot be decoded, and one that is refused. */
export interface RequestMeasures {
  readonly unrouted: Measure
  readonly unreadable: Measure
  readonly refused: Measure
}

/** What a route may answer: the responses of its schema, or `config.statuses` where it has none; our failures; nobody there. */
function expectedStatuses(route: RouteOptions): ReadonlySet<string> {
  const { response } = (route.schema ?? {}) as { response?: Readonly<Record<string, unknown>> }
  const declared =
    response === undefined ? (route.config?.statuses ?? [200]).map(String) : Object.keys(response)
  return new Set([...declared.filter((status) => /^\d{3}$/.test(status)), '500', '503', String(clientGone)])
}

export type AnswerMeter = (request: FastifyRequest, status: number) => void

/** Records a request of this route that was answered just now. Nothing but its method and status is looked up for it. */
export function answerMeter(
  metrics: Metrics,
  route: string,
  methods: readonly string[],
  statuses: Iterable<number>,
): AnswerMeter {
  const durations = metrics.histogram(
    'http_request_duration_seconds',
    'Time from the arrival of a request to the end of its answer, with its wait for a busy event loop: an upper bound of it.',
    ['service', 'route', 'method', 'code'],
    latencyBucketsSeconds,
  )
  const seriesOf = new Map(methods.map((method) => [method, new Map<number, HistogramSeries>()]))
  const series = (method: string, status: number) => {
    const labels = { service: metrics.service, route, method, code: String(status) }
    const found = durations.labels(labels)
    seriesOf.get(method)?.set(status, found)
    return found
  }
  const expected = [...statuses]
  for (const method of methods) for (const status of expected) series(method, status)
  return (request, status) => {
    const found = seriesOf.get(request.method)?.get(status) ?? series(request.method, status)
    found.observe((performance.now() - request.arrivedMs) / 1000)
  }
}

/** Records each request from the moment it arrived (turn-clock.ts) to its last byte, by route: never by URL or code. */
export function measureRequests(server: FastifyInstance, metrics: Metrics): RequestMeasures {
  const turns = turnClock()
  const ownMeters = new Map<string, AnswerMeter>()
  server.decorateRequest('arrivedMs', 0)
  server.server.on('connection', (socket) => turns.accepted(socket))
  server.addHook('onRequest', (request, _reply, done) => {
    request.arrivedMs = turns.arrivedMs(request.raw.socket)
    done()
  })
  server.addHook('onRoute', (route) => {
    const statuses = [...expectedStatuses(route)].map(Number)
    const meter = answerMeter(metrics, route.url, [route.method].flat(), statuses)
    if (route.config?.metersOwnAnswers === true) {
      ownMeters.set(route.url, meter)
      const measureSent: onSendHookHandler = (request, reply, payload, done) => {
        reply.raw.once('finish', () => meter(request, reply.statusCode))
        done(null, payload)
      }
      route.onSend = [route.onSend ?? [], measureSent].flat()
    } else {
      const measure: onResponseHookHandler = (request, reply, done) => {
        meter(request, reply.statusCode)
        done()
      }
      // Whoever waited too long and went is the worst off of all: nothing is left to finish, so the connection tells.
      const measureAbandoned: onRequestHookHandler = (request, reply, done) => {
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) meter(request, clientGone)
        })
        done()
      }
      route.onRequest = [measureAbandoned, route.onRequest ?? []].flat()
      route.onResponse = [route.onResponse ?? [], measure].flat()
    }
  })
  const unroutedMeter = answerMeter(metrics, noRoute, [], [])
  const unrouted: Measure = (request, reply) => {
    reply.raw.once('finish', () => unroutedMeter(request, reply.statusCode))
  }
  return {
    unrouted,
    unreadable(request, reply) {
      request.arrivedMs = turns.arrivedMs(request.raw.socket)
      unrouted(request, reply)
    },
    refused(request, reply) {
      const { url } = request.routeOptions
      if (url === undefined) unrouted(request, reply)
      else ownMeters.get(url)?.(request, reply.statusCode)
    },
  }
}
