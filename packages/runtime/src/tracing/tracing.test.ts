import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type IdGeneratorClient,
  IdGeneratorClient as IdGeneratorClientClass,
  IdGeneratorService,
} from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { afterEach, describe, expect, test } from 'vitest'
import { openGrpcClient } from '../grpc-client.ts'
import { grpcService, startGrpcServer } from '../grpc-server.ts'
import { createHttpServer, listen } from '../http.ts'
import { silentLogger } from '../log.ts'
import { Metrics } from '../metrics.ts'
import { callHeaders } from './trace-http.ts'
import { isAskedFor, isTracing, samplingOf, startTracing, traceFields } from './tracing.ts'

interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly status?: { readonly code?: number }
}

/** A collector that takes OTLP over HTTP with JSON and keeps what it is sent. */
async function startCollector() {
  const spans: ReceivedSpan[] = []
  const services = new Set<string>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const sent = JSON.parse(body) as {
      resourceSpans: {
        resource: { attributes: { key: string; value: { stringValue?: string } }[] }
        scopeSpans: { spans: ReceivedSpan[] }[]
      }[]
    }
    for (const { resource, scopeSpans } of sent.resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')
      services.add(name?.value.stringValue ?? '')
      spans.push(...scopeSpans.flatMap((scope) => scope.spans))
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    services,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const endpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT'
afterEach(() => {
  delete process.env[endpoint]
})

/** A service that is asked over HTTP and asks another over gRPC. */
async function startPair() {
  await using resources = new AsyncDisposableStack()
  const log = silentLogger()
  const metrics = new Metrics('redirect')
  const seen: { traceId?: string }[] = []
  const ids = resources.use(
    await startGrpcServer({
      host: '127.0.0.1',
      port: 0,
      log,
      metrics: new Metrics('id-generator'),
      protoFiles: ['linkfleet/ids/v1/ids.proto'],
      services: [
        grpcService(IdGeneratorService, {
          allocateCodes: async () => {
            seen.push(traceFields())
            return { codes: ['abc1234'] }
          },
        }),
      ],
    }),
  )
  const client = resources.use(
    openGrpcClient<IdGeneratorClient>(IdGeneratorClientClass, {
      addresses: [ids.address],
      deadlineMs: 5_000,
    }),
  )
  const server = createHttpServer({ log, metrics, bodyLimitBytes: 1_000, requestTimeoutMs: 5_000 })
  server.post('/links/:code', async (request) => {
    const { codes } = await client.call((ids) => ids.allocateCodes, { count: 1 })
    return { codes, asked: request.body, headers: callHeaders() }
  })
  server.get('/broken', async () => {
    throw new Error('a defect')
  })
  const http = resources.use(await listen(server, '127.0.0.1', 0))
  const started = resources.move()
  return { url: http.url, seen, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const post = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/links/secret1`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json', ...headers },
  })

test("a request's trace goes from its caller through HTTP and gRPC to the collector, without its URL", async () => {
  await using collector = await startCollector()
  process.env[endpoint] = collector.url
  const tracing = await startTracing('redirect', 'redirect-1', process.env)
  {
    await using pair = await startPair()
    const answer = await post(pair.url, { traceparent })
    const { headers } = (await answer.json()) as { headers: Record<string, string> }
    expect(headers.traceparent).toContain(traceId)
    expect(pair.seen[0]?.traceId).toBe(traceId)
    expect((await fetch(`${pair.url}/broken`, { headers: { traceparent } })).status).toBe(500)
  }
  await tracing[Symbol.asyncDispose]()
  const named = (name: string, kind: number) => {
    const found = collector.spans.find((span) => span.name === name && span.kind === kind)
    if (found === undefined)
      throw new Error(`no span ${name} among ${collector.spans.map((span) => span.name)}`)
    return found
  }
  const [serverKind, clientKind] = [2, 3]
  const http = named('POST /links/:code', serverKind)
  const call = named('linkfleet.ids.v1.IdGenerator', clientKind)
  const served = named('linkfleet.ids.v1.IdGenerator/AllocateCodes', serverKind)
  expect([http.traceId, call.traceId, served.traceId]).toEqual([traceId, traceId, traceId])
  expect([http.parentSpanId, call.parentSpanId, served.parentSpanId]).toEqual([
    'b7ad6b7169203331',
    http.spanId,
    call.spanId,
  ])
  expect(named('GET /broken', serverKind).status?.code).toBe(2)
  expect(JSON.stringify(collector.spans)).not.toContain('secret1')
  expect([...collector.services]).toEqual(['redirect'])
  expect(isTracing()).toBe(false)
})

test('a caller that did not sample its trace is not sampled here', async () => {
  await using collector = await startCollector()
  process.env[endpoint] = collector.url
  const tracing = await startTracing('redirect', 'redirect-1', process.env)
  {
    await using pair = await startPair()
    await post(pair.url, { traceparent: traceparent.replace(/01$/, '00') })
  }
  await tracing[Symbol.asyncDispose]()
  expect(collector.spans).toEqual([])
})

test('a collector that is away fails no request and does not keep the process', async () => {
  process.env[endpoint] = 'http://127.0.0.1:1'
  const tracing = await startTracing('redirect', 'redirect-1', process.env)
  {
    await using pair = await startPair()
    expect((await post(pair.url, { traceparent })).status).toBe(200)
  }
  await tracing[Symbol.asyncDispose]()
})

test('off is what nobody asked for: no context is taken, none is given', async () => {
  await using tracing = await startTracing('redirect', 'redirect-1', {})
  expect(tracing).toBeDefined()
  expect(isTracing()).toBe(false)
  await using pair = await startPair()
  const { headers } = (await (await post(pair.url, { traceparent })).json()) as { headers: object }
  expect(headers).not.toHaveProperty('traceparent')
  expect(pair.seen).toEqual([{}])
})

describe('the standard variables', () => {
  test.each([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1' },
      true,
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, false],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' }, false],
  ])('%j turns tracing on: %s', (env, expected) => expect(isAskedFor(env)).toBe(expected))

  test.each([
    [{}, { share: 0.1, heedsParent: true }],
    [{ OTEL_TRACES_SAMPLER: 'always_on' }, { share: 1, heedsParent: false }],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { share: 0, heedsParent: true }],
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' },
      { share: 0.5, heedsParent: false },
    ],
  ])('%j samples %j', (env, expected) => expect(samplingOf(env)).toEqual(expected))

  test.each([
    [{ OTEL_TRACES_SAMPLER: 'sometimes' }, 'OTEL_TRACES_SAMPLER does not know'],
    [{ OTEL_TRACES_SAMPLER_ARG: '2' }, 'OTEL_TRACES_SAMPLER_ARG must be'],
  ])('%j is refused by name', (env, message) => expect(() => samplingOf(env)).toThrow(message))
})
