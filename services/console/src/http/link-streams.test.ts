/** Streams through a console on real sockets: who leaves, who stops, and who breaks off. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen } from '@linkfleet/runtime/http'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { afterEach, expect, test } from 'vitest'
import { openUpstreamHttp } from '../adapters/upstream-http.ts'
import { createEvents } from '../events.ts'
import { cookie, openConsole, session } from '../testing/fixture.ts'

let resources = new AsyncDisposableStack()
afterEach(async () => {
  await resources.disposeAsync()
  resources = new AsyncDisposableStack()
})

/** An analytics of which every request waits to be answered by the test. */
async function start(deadUrls: readonly string[] = []) {
  const requests: { request: IncomingMessage; response: ServerResponse }[] = []
  const upstream = createServer((request, response) => requests.push({ request, response }))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  resources.defer(() => {
    upstream.closeAllConnections()
    upstream.close()
  })
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const events = createEvents(silentLogger(), new Metrics('console'))
  const analytics = openUpstreamHttp({
    name: 'analytics',
    urls: [...deadUrls, url],
    timeoutMs: 2_000,
    events,
  })
  const console = resources.use(await openConsole({ analytics }))
  const listening = await listen(console.server, '127.0.0.1', 0)
  const { port } = new URL(listening.url)
  const headers = { cookie: cookie.replace('=', `_${port}=`) }
  async function asked(number: number) {
    while (requests.length < number) await new Promise((resolve) => setTimeout(resolve, 5))
    return requests[number - 1] as (typeof requests)[number]
  }
  return { listening, headers, asked, live: `${listening.url}/api/v1/links/abc/stats/live` }
}

const eventHead = { 'content-type': 'text/event-stream; charset=utf-8' }

test('events pass as they come, with the rights of the visitor, from where they left off', async () => {
  const { live, headers, asked } = await start(['http://127.0.0.1:1'])
  const answer = fetch(live, { headers: { ...headers, 'last-event-id': '41' } })
  const { request, response } = await asked(1)
  expect(request.url).toBe('/api/v1/links/abc/stats/live')
  expect(request.headers).toMatchObject({ authorization: `Bearer ${session}`, 'last-event-id': '41' })
  response.writeHead(200, eventHead).write('id: 42\ndata: {}\n\n')
  const { body, headers: answered } = await answer
  expect(answered.get('content-type')).toBe(eventHead['content-type'])
  expect(answered.get('x-accel-buffering')).toBe('no')
  const reader = body?.getReader()
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('id: 42\ndata: {}\n\n')
  response.write('id: 43\ndata: {}\n\n')
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('id: 43\ndata: {}\n\n')
  const left = once(response, 'close')
  await reader?.cancel()
  await left
})

test('a console that stops ends its live streams at once', async () => {
  const { live, headers, asked, listening } = await start()
  const answer = fetch(live, { headers })
  const { response } = await asked(1)
  response.writeHead(200, eventHead).write(':\n\n')
  const text = (await answer).text()
  const startedMs = performance.now()
  await listening[Symbol.asyncDispose]()
  expect(performance.now() - startedMs).toBeLessThan(3_000)
  expect(await text).toBe(':\n\n')
})

test('a file that breaks off does not look whole', async () => {
  const { live, headers, asked } = await start()
  const answer = fetch(live.replace('live', 'export?format=csv'), { headers })
  const { response } = await asked(1)
  response
    .writeHead(200, { 'content-type': 'text/csv', 'content-disposition': 'attachment' })
    .write('a,b\r\n')
  const { headers: answered, text } = await answer.then((whole) => ({
    headers: whole.headers,
    text: whole.text(),
  }))
  expect(answered.get('content-disposition')).toBe('attachment')
  response.destroy()
  await expect(text).rejects.toThrow()
})

test('a refusal is passed on, and nobody there is said', async () => {
  const { live, headers, asked } = await start()
  const answer = fetch(live, { headers })
  const { response } = await asked(1)
  response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{"field":"code"}')
  expect([(await answer).status, await (await answer).json()]).toEqual([404, { field: 'code' }])
  await resources.disposeAsync()
  resources = new AsyncDisposableStack()
  const console = resources.use(await openConsole({ analytics: nobody }))
  expect((await console.server.inject({ url: '/api/v1/links/abc/stats/live' })).statusCode).toBe(503)
})

const nobody = openUpstreamHttp({
  name: 'analytics',
  urls: ['http://127.0.0.1:1'],
  timeoutMs: 1_000,
  events: createEvents(silentLogger(), new Metrics('console')),
})
