/** Spans of gRPC calls, on both sides (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). */

import grpc from '@grpc/grpc-js'
import type { Context, TextMapGetter } from '@opentelemetry/api'
import { currentRequestId, requestIdHeader } from '../request-id.ts'
import { endSpan, isTracing, telemetry, tracer } from './tracing.ts'

const fromMetadata: TextMapGetter<grpc.Metadata> = {
  keys: (metadata) => Object.keys(metadata.getMap()),
  get: (metadata, key) => metadata.get(key).map(String),
}

/** Runs a served call in a span whose parent the caller's metadata names. */
export async function traceServed<T>(
  path: string,
  metadata: grpc.Metadata,
  serve: () => Promise<T>,
): Promise<T> {
  if (!isTracing()) return await serve()
  const { propagation, ROOT_CONTEXT, SpanKind, trace } = telemetry()
  const caller = propagation.extract(ROOT_CONTEXT, metadata, fromMetadata)
  const attributes = { 'rpc.system': 'grpc', 'rpc.method': path.slice(1) }
  const span = tracer().startSpan(path.slice(1), { kind: SpanKind.SERVER, attributes }, caller)
  return await inSpan(trace.setSpan(caller, span), serve)
}

/** Runs a call of a client in a span of its own; `metadataOfCall` inside it tells the server. */
export async function traceCall<T>(service: string, call: () => Promise<T>): Promise<T> {
  if (!isTracing()) return await call()
  const { context, SpanKind, trace } = telemetry()
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': service }
  const span = tracer().startSpan(service, { kind: SpanKind.CLIENT, attributes })
  return await inSpan(trace.setSpan(context.active(), span), call)
}

async function inSpan<T>(own: Context, work: () => Promise<T>): Promise<T> {
  const { context, trace } = telemetry()
  const span = trace.getSpan(own)
  try {
    const result = await context.with(own, work)
    if (span !== undefined) endSpan(span)
    return result
  } catch (cause) {
    if (span !== undefined) endSpan(span, cause)
    throw cause
  }
}

/** Metadata that names the request in flight, and the trace of the active span while this process traces. */
export function metadataOfCall(): grpc.Metadata {
  const metadata = new grpc.Metadata()
  const requestId = currentRequestId()
  if (requestId !== undefined) metadata.set(requestIdHeader, requestId)
  if (isTracing()) {
    const { context, propagation } = telemetry()
    propagation.inject(context.active(), metadata, { set: (into, key, value) => into.set(key, value) })
  }
  return metadata
}
