/**
 * Traces by OpenTelemetry with W3C trace context (https://www.w3.org/TR/trace-context/), off unless the standard variables
 * name a collector: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_TRACES_EXPORTER=otlp, and
 * OTEL_SDK_DISABLED is not true. Spans go out as OTLP over HTTP with JSON. A tenth of the traces that begin here is kept;
 * OTEL_TRACES_SAMPLER (always_on, always_off, traceidratio, each also with parentbased_) and OTEL_TRACES_SAMPLER_ARG say
 * otherwise. Nothing of OpenTelemetry is loaded while it is off.
 */
import type { Attributes, Span } from '@opentelemetry/api'

type OpenTelemetry = typeof import('@opentelemetry/api')

let isOn = false
/** Stays after the end: a request in flight ends its span then. */
let api: OpenTelemetry | undefined

/** Whether this process traces. Asked where a server, client or consumer is made: off costs nothing afterwards. */
export const isTracing = (): boolean => isOn

/** OpenTelemetry's API. Throws where tracing was never on, so `isTracing` is asked first. */
export function telemetry(): OpenTelemetry {
  if (api === undefined) throw new Error('This process never traced.')
  return api
}

export const tracer = () => telemetry().trace.getTracer('linkfleet')

const shareKept = 0.1
const exportTimeoutMs = 5_000
const queueSpansMax = 2_048

type Environment = Readonly<Record<string, string | undefined>>

export function isAskedFor(env: Environment): boolean {
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER: exporter } = env
  if (OTEL_SDK_DISABLED?.toLowerCase() === 'true' || exporter === 'none') return false
  // An empty value is none, as the specification has it.
  const named = env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || ''
  return exporter === 'otlp' || named !== ''
}

/** What OTEL_TRACES_SAMPLER and its argument mean. Throws an Error that names the variable. */
export function samplingOf(env: Environment): { readonly share: number; readonly heedsParent: boolean } {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_traceidratio'
  const heedsParent = name.startsWith('parentbased_')
  const kind = name.replace('parentbased_', '')
  if (kind === 'always_on') return { share: 1, heedsParent }
  if (kind === 'always_off') return { share: 0, heedsParent }
  if (kind !== 'traceidratio') throw new Error(`OTEL_TRACES_SAMPLER does not know "${name}"`)
  const share = Number(env.OTEL_TRACES_SAMPLER_ARG || shareKept)
  if (!(share >= 0 && share <= 1)) throw new Error('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1')
  return { share, heedsParent }
}

/** Starts tracing when it is asked for. Disposing sends what is left, for at most 5 s; a collector that is away drops spans. */
export async function startTracing(
  service: string,
  instance: string,
  env: Environment = process.env,
): Promise<AsyncDisposable> {
  if (!isAskedFor(env)) return { async [Symbol.asyncDispose]() {} }
  const { share, heedsParent } = samplingOf(env)
  const [loaded, sdk, exporter, hooks, core, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ])
  const ratio = new sdk.TraceIdRatioBasedSampler(share)
  const provider = new sdk.TracerProvider({
    sampler: heedsParent ? new sdk.ParentBasedSampler({ root: ratio }) : ratio,
    resource: resources.resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'linkfleet',
      'service.instance.id': instance,
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter({ timeoutMillis: exportTimeoutMs }),
        exportTimeoutMillis: exportTimeoutMs,
        maxQueueSize: queueSpansMax,
      }),
    ],
  })
  const { context, propagation, trace } = loaded
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  api = loaded
  isOn = true
  return {
    async [Symbol.asyncDispose]() {
      isOn = false
      const late = new Promise<void>((resolve) => setTimeout(resolve, exportTimeoutMs).unref())
      await Promise.race([provider.shutdown().catch(() => undefined), late])
      trace.disable()
      context.disable()
      propagation.disable()
    },
  }
}

/** Ends a span; an error marks it. */
export function endSpan(span: Span, failure?: unknown, attributes?: Attributes): void {
  if (attributes !== undefined) span.setAttributes(attributes)
  if (failure !== undefined) {
    span.setStatus({
      code: telemetry().SpanStatusCode.ERROR,
      message: failure instanceof Error ? failure.message : String(failure),
    })
  }
  span.end()
}

/** What log lines say of the trace they belong to. */
export function traceFields(): { traceId?: string; spanId?: string } {
  if (!isOn) return {}
  const active = telemetry().trace.getActiveSpan()?.spanContext()
  return active === undefined ? {} : { traceId: active.traceId, spanId: active.spanId }
}
