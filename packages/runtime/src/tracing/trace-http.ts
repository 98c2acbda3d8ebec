/** A span for each request, as the semantic conventions name it (https://opentelemetry.io/docs/specs/semconv/http/). */
import type { Context } from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { currentRequestId, requestIdHeader } from '../request-id.ts'
import { endSpan, isTracing, telemetry, tracer } from './tracing.ts'

/** The context of each request in flight: reading a body leaves the one in which its hooks began. */
const contexts = new WeakMap<FastifyRequest, Context>()

/** Nothing, unless this process traces. Spans carry the route, never a URL or a short code. */
export function traceRequests(server: FastifyInstance): void {
  if (!isTracing()) return
  const { context, propagation, ROOT_CONTEXT, SpanKind, trace } = telemetry()
  server.addHook('onRequest', (request, _reply, done) => {
    const caller = propagation.extract(ROOT_CONTEXT, request.headers)
    const route = request.routeOptions.url
    const name = route === undefined ? request.method : `${request.method} ${route}`
    const attributes = {
      'http.request.method': request.method,
      ...(route === undefined ? {} : { 'http.route': route }),
    }
    const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, caller)
    const own = trace.setSpan(caller, span)
    contexts.set(request, own)
    context.with(own, done)
  })
  server.addHook('preValidation', (request, _reply, done) => {
    context.with(contexts.get(request) ?? ROOT_CONTEXT, done)
  })
  server.addHook('onResponse', (request, reply, done) => {
    const span = trace.getSpan(contexts.get(request) ?? ROOT_CONTEXT)
    const { statusCode } = reply
    const failure = statusCode >= 500 ? `status ${statusCode}` : undefined
    if (span !== undefined) endSpan(span, failure, { 'http.response.status_code': statusCode })
    done()
  })
}

/** Headers with which a call over HTTP to another service tells the request and the trace it belongs to. */
export function callHeaders(): Record<string, string> {
  const requestId = currentRequestId()
  const headers: Record<string, string> = requestId === undefined ? {} : { [requestIdHeader]: requestId }
  if (isTracing()) {
    const { context, propagation } = telemetry()
    propagation.inject(context.active(), headers)
  }
  return headers
}
