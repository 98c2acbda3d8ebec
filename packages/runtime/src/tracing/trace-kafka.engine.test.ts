import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { afterEach, expect, test } from 'vitest'
import { ensureTopics, openKafka } from '../kafka.ts'
import { silentLogger } from '../log.ts'
import { startTracing, traceFields } from './tracing.ts'

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
}

async function startCollector(spans: Span[]) {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const sent = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }
    spans.push(...sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const variables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER']
afterEach(() => {
  for (const name of variables) delete process.env[name]
})

test('a message carries the W3C context of its sending, and the batch it is read in links to that', async () => {
  const spans: Span[] = []
  await using collector = await startCollector(spans)
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url
  process.env.OTEL_TRACES_SAMPLER = 'always_on'
  const tracing = await startTracing('redirect', 'test')
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('traced')
  await ensureTopics(kafka, [{ topic, partitions: 1 }])
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const consumer = kafka.consumer({ groupId: topic })
  const read = Promise.withResolvers<{ header: string | undefined; traceId: string | undefined }>()
  try {
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'a click', headers: { own: 'kept' } }] })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      async eachBatch({ batch }) {
        const [message] = batch.messages
        expect(message?.headers?.own?.toString()).toBe('kept')
        read.resolve({ header: message?.headers?.traceparent?.toString(), traceId: traceFields().traceId })
      },
    })
    const { header, traceId } = await read.promise
    await consumer.disconnect()
    await producer.disconnect()
    await tracing[Symbol.asyncDispose]()

    const sent = spans.find(({ name }) => name === `send ${topic}`)
    const processed = spans.find(({ name }) => name === `process ${topic}`)
    expect(header).toBe(`00-${sent?.traceId}-${sent?.spanId}-01`)
    expect(processed?.traceId).toBe(traceId)
    expect(processed?.traceId).not.toBe(sent?.traceId)
    expect(processed?.links).toMatchObject([{ traceId: sent?.traceId, spanId: sent?.spanId }])
  } finally {
    const admin = kafka.admin()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
})
