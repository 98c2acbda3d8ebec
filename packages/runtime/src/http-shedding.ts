/** The refusal of what is too much, by the rules of load-shedding.ts, before Fastify does anything else for a request. */
import { errorKinds, problemOf } from '@linkfleet/contracts/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RequestMeasures } from './http-durations.ts'
import { overloaded, sliceMsOf, TurnAdmission, WaitingRoom, WaitLimit } from './load-shedding.ts'
import type { Metrics } from './metrics.ts'
import { turnClock } from './turn-clock.ts'

const inFlightMin = 64
const inFlightMax = 2_048

/** To refuse must cost little, or there is nothing left to serve with: written as it is, past Fastify's reply. */
const refusal = JSON.stringify(problemOf(overloaded))
const refusalHeaders = [
  ...['content-type', 'application/problem+json; charset=utf-8'],
  ...['cache-control', 'no-store'],
  ...['retry-after', String(overloaded.retryAfterSeconds)],
  ...['content-length', String(Buffer.byteLength(refusal))],
]

/** Refuses the excess by both rules of load-shedding.ts. To be called after `measureRequests`, before any other hook. */
export function shedLoad(
  server: FastifyInstance,
  metrics: Metrics,
  turnMsMax: number,
  measures: RequestMeasures,
): void {
  if (turnMsMax === 0) return
  const { service } = metrics
  const shed = metrics.counter(
    'http_requests_shed_total',
    'Requests that were answered 503 at once because more was asked than can be answered in time.',
    ['service', 'priority'],
    [
      { service, priority: 'normal' },
      { service, priority: 'low' },
    ],
  )
  const counters = {
    normal: shed.labels({ service, priority: 'normal' }),
    low: shed.labels({ service, priority: 'low' }),
  }
  const refuse = (request: FastifyRequest, reply: FastifyReply, priority: 'normal' | 'low') => {
    counters[priority].inc()
    reply.hijack()
    reply.raw.writeHead(errorKinds.overloaded.httpStatus, refusalHeaders)
    measures.refused(request, reply)
    reply.raw.end(refusal)
  }
  const admission = new TurnAdmission(turnMsMax)
  const room = new WaitingRoom(admission, sliceMsOf(turnMsMax), () => performance.now())
  const watching = turnClock().watch((turn) => admission.turnEnded(turn))
  server.addHook('onClose', (_server, done) => {
    watching[Symbol.dispose]()
    done()
  })
  const serve = () => {
    room.serve()
    if (!room.isEmpty) setImmediate(serve)
  }
  server.addHook('onRequest', (request, reply, done) => {
    // Nobody overtakes those who still wait when it is over.
    if (!admission.isOverloaded && room.isEmpty) return done()
    const priority = request.routeOptions.config.priority ?? 'normal'
    if (priority === 'exempt') return done()
    if (room.isEmpty) setImmediate(serve)
    const { arrivedMs } = request
    room.add(priority, { arrivedMs, begin: done, refuse: () => refuse(request, reply, priority) })
  })
  server.addHook('onRoute', (route) => {
    const waitMsMax = route.config?.waitMsMax
    if (waitMsMax === undefined) return
    const limit = new WaitLimit({ waitMsMax, inFlightMin, inFlightMax })
    const enter = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      if (limit.begin()) {
        reply.raw.once('close', () => limit.end(performance.now() - request.arrivedMs, performance.now()))
        return done()
      }
      refuse(request, reply, route.config?.priority === 'low' ? 'low' : 'normal')
    }
    route.onRequest = [enter, route.onRequest ?? []].flat()
  })
}
