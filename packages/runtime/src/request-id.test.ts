import { Writable } from 'node:stream'
import { IdGeneratorClient, IdGeneratorService } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { expect, onTestFinished, test } from 'vitest'
import { openGrpcClient } from './grpc-client.ts'
import { grpcService, startGrpcServer } from './grpc-server.ts'
import { createHttpServer, listen } from './http.ts'
import { createLogger } from './log.ts'
import { Metrics } from './metrics.ts'
import { callHeaders } from './tracing/trace-http.ts'

const sentinelAddress = '203.0.113.77'

interface Line {
  readonly msg: string
  readonly requestId?: string
}

/** A service whose handlers log and ask another over gRPC, which logs too. */
async function startLogging() {
  const written: string[] = []
  const log = createLogger(
    'example',
    'example-1',
    'info',
    new Writable({ write: (chunk, _encoding, done) => done(void written.push(String(chunk))) }),
  )
  const ids = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    log,
    metrics: new Metrics('ids'),
    protoFiles: ['linkfleet/ids/v1/ids.proto'],
    services: [
      grpcService(IdGeneratorService, {
        allocateCodes: async () => {
          log.info('codes were asked for')
          throw new Error('a defect')
        },
      }),
    ],
  })
  const client = openGrpcClient(IdGeneratorClient, { addresses: [ids.address], deadlineMs: 5_000 })
  const metrics = new Metrics('example')
  const server = createHttpServer({ log, metrics, bodyLimitBytes: 1_000, requestTimeoutMs: 5_000 })
  const later: (() => void)[] = []
  server.post('/things', async (request) => {
    request.log.info('a thing was asked for')
    await client.call((stub) => stub.allocateCodes, { count: 1 }).catch(() => undefined)
    return callHeaders()
  })
  server.get('/defect', async () => {
    await new Promise(setImmediate)
    throw new Error('a defect')
  })
  server.get('/outlived', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    later.push(resolve)
    void promise.then(() => log.info('of no request any more'))
    return {}
  })
  server.get('/own-answer', { config: { metersOwnAnswers: true } }, (_request, reply) => {
    // What is released in another turn, as clicks are, knows nothing of its request but what it was given.
    setImmediate(() => reply.send(new Error('a defect')))
  })
  const http = await listen(server, '127.0.0.1', 0)
  onTestFinished(async () => {
    await http[Symbol.asyncDispose]()
    client[Symbol.dispose]()
    await ids[Symbol.asyncDispose]()
  })
  const lines = () => written.map((line) => JSON.parse(line) as Line)
  return { url: http.url, lines, written, later }
}

const post = (url: string, headers: Record<string, string>) =>
  fetch(`${url}/things`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json', ...headers },
  })

test('a request keeps the id it brings: in its answer, in each line of each service it passes, and in its calls', async () => {
  const { url, lines } = await startLogging()
  const answer = await post(url, { 'x-request-id': 'of-a-visitor_1' })
  expect(answer.headers.get('x-request-id')).toBe('of-a-visitor_1')
  expect(await answer.json()).toEqual({ 'x-request-id': 'of-a-visitor_1' })
  expect(lines().map(({ msg, requestId }) => [msg, requestId])).toEqual([
    ['a thing was asked for', 'of-a-visitor_1'],
    ['codes were asked for', 'of-a-visitor_1'],
    ['call failed', 'of-a-visitor_1'],
  ])
})

test('requests that bring no id get one each, which is in the line of their failure', async () => {
  const { url, lines } = await startLogging()
  const answers = [await fetch(`${url}/defect`), await fetch(`${url}/own-answer`)]
  const ids = answers.map(({ headers }) => headers.get('x-request-id'))
  expect(ids[0]).toMatch(/^[a-z0-9]+-[a-z0-9]+$/)
  expect(ids[1]).not.toBe(ids[0])
  expect(lines().map(({ msg, requestId }) => [msg, requestId])).toEqual(
    ids.map((id) => ['request failed', id]),
  )
})

test.each([
  ['an address', sentinelAddress],
  ['an address of version 6', '2001:db8::77'],
  ['too long a word', 'a'.repeat(65)],
  ['nothing', ''],
  ['a second field of the line', 'a","level":60,"b":"'],
])('%s is no id: the request gets one of ours, and the log has nothing of it', async (_name, sent) => {
  const { url, lines, written } = await startLogging()
  const answer = await post(url, { 'x-request-id': sent, 'x-forwarded-for': sentinelAddress })
  const id = answer.headers.get('x-request-id')
  expect(id).toMatch(/^[a-z0-9]+-[a-z0-9]+$/)
  expect(lines().map(({ requestId }) => requestId)).toEqual([id, id, id])
  expect(written.join('')).not.toContain(sentinelAddress)
  if (sent !== '') expect(written.join('')).not.toContain(sent)
})

test('what a request leaves behind logs without its id once it is answered', async () => {
  const { url, lines, later } = await startLogging()
  await (await fetch(`${url}/outlived`)).text()
  for (const step of later) step()
  await expect
    .poll(() => lines().map(({ msg, requestId }) => [msg, requestId]))
    .toEqual([['of no request any more', undefined]])
})

test('a path that cannot be decoded and a path without a route have an id too', async () => {
  const { url } = await startLogging()
  for (const path of ['/%zz', '/nowhere']) {
    const answer = await fetch(`${url}${path}`, { headers: { 'x-request-id': 'mine' } })
    expect(answer.headers.get('x-request-id')).toBe('mine')
  }
})
