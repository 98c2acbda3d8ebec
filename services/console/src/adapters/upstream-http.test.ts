import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { afterEach, describe, expect, test } from 'vitest'
import { createEvents } from '../events.ts'
import { openUpstreamHttp } from './upstream-http.ts'

const stack: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of stack.splice(0)) await one[Symbol.asyncDispose]()
})

async function listenOn(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address on which nothing listens any more. */
async function deadUrl(): Promise<string> {
  const url = await listenOn(() => undefined)
  await stack.pop()?.[Symbol.asyncDispose]()
  return url
}

function open(urls: readonly string[], timeoutMs = 2_000) {
  const events = createEvents(silentLogger(), new Metrics('console'))
  return openUpstreamHttp({ name: 'shortener', urls, timeoutMs, events })
}

const get = { method: 'GET', path: '/a?b=c', headers: {} } as const
const edit = { method: 'PATCH', path: '/a', headers: {}, body: '{}' } as const
const create = { method: 'POST', path: '/a', headers: { 'idempotency-key': 'k' }, body: '{}' } as const

describe('several instances', () => {
  test('an instance that is gone is left for the next one, which is then asked first', async () => {
    let asked = 0
    const alive = await listenOn((request, response) => {
      asked += 1
      response
        .setHeader('content-type', 'application/json')
        .setHeader('server', 'hidden')
        .end(`"${request.url}"`)
    })
    const upstream = open([await deadUrl(), alive])
    expect(await upstream.request(get)).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '"/a?b=c"',
    })
    await upstream.request(edit)
    expect(asked).toBe(2)
    expect(upstream.state()).toBe('up')
  })

  test('a frozen instance is left after its deadline by a GET and by a create, never by an edit', async () => {
    const frozen = await listenOn(() => undefined)
    const alive = await listenOn((_request, response) => response.end('alive'))
    expect((await open([frozen, alive], 150).request(get)).body).toBe('alive')
    expect((await open([frozen, alive], 150).request(create)).body).toBe('alive')
    await expect(open([frozen, alive], 150).request(edit)).rejects.toMatchObject({ code: 'outcome-unknown' })
  })

  test('an instance that cannot serve now is left for the next one by a create', async () => {
    const draining = await listenOn((_request, response) => response.writeHead(503).end('draining'))
    const alive = await listenOn((_request, response) => response.writeHead(201).end('made'))
    expect((await open([draining, alive]).request(create)).status).toBe(201)
  })
})

test('when every instance says 503, the last one is quoted with its Retry-After', async () => {
  const away = await listenOn((_request, response) =>
    response.writeHead(503, { 'retry-after': '7' }).end('{"code":"not-created"}'),
  )
  const upstream = open([away, away])
  expect(await upstream.request(create)).toEqual({
    status: 503,
    headers: { 'retry-after': '7' },
    body: '{"code":"not-created"}',
  })
  expect(upstream.state()).toBe('down')
})

test('"not created" of the second is not believed when the first may have created', async () => {
  const frozen = await listenOn(() => undefined)
  const away = await listenOn((_request, response) => response.writeHead(503).end('{"code":"not-created"}'))
  await expect(open([frozen, away], 150).request(create)).rejects.toMatchObject({ code: 'outcome-unknown' })
})

test('when nobody listens, the service is unavailable', async () => {
  await expect(open([await deadUrl()]).request(edit)).rejects.toMatchObject({
    code: 'unavailable',
    retryAfterSeconds: 2,
  })
})

test('a GET that nobody answers in time says so', async () => {
  const frozen = await listenOn(() => undefined)
  await expect(open([frozen], 100).request(get)).rejects.toMatchObject({ code: 'deadline-exceeded' })
})

test('an answer past its bound is not read on', async () => {
  const endless = await listenOn((_request, response) => {
    const chunk = Buffer.alloc(1024 * 1024)
    const write = () => {
      while (response.writable && response.write(chunk));
    }
    response.on('drain', write)
    write()
  })
  await expect(open([endless]).request(get)).rejects.toMatchObject({ code: 'unavailable' })
})

test('a redirect of an upstream is not followed', async () => {
  const moved = await listenOn((_request, response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  )
  expect((await open([moved]).request(get)).status).toBe(302)
})
