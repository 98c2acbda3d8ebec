import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { runClosedLoad } from './closed-load.ts'
import { getRequest } from './http-connections.ts'
import { runOpenLoad } from './open-load.ts'

async function serve(handler: RequestListener) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const { signal } = new AbortController()
const common = { connections: 4, seconds: 0.3, status: 302, nextRequest: () => getRequest('/a'), signal }

test('a closed load counts what the server answered', async () => {
  let served = 0
  await using server = await serve((_request, response) => {
    served += 1
    response.writeHead(served % 10 === 0 ? 503 : 302, { 'content-length': 0 }).end()
  })
  const load = await runClosedLoad({ ...common, port: server.port })
  expect(load.answered + load.failed).toBe(served)
  expect(load.failed).toBe(Math.floor(served / 10))
  expect(load.latency.count).toBe(served)
})

test('a closed load ends when the server hangs up on it', async () => {
  await using server = await serve((request) => request.socket.destroy())
  expect(await runClosedLoad({ ...common, port: server.port })).toMatchObject({ answered: 0, failed: 4 })
})

test('an open load charges a stall to every request that was due in it', async () => {
  let stalledUntilMs = 0
  await using server = await serve((_request, response) => {
    stalledUntilMs ||= performance.now() + 200
    setTimeout(
      () => response.writeHead(302, { 'content-length': 0 }).end(),
      Math.max(0, stalledUntilMs - performance.now()),
    )
  })
  const load = await runOpenLoad({ ...common, port: server.port, ratePerSecond: 1_000 })
  expect(load).toMatchObject({ appointed: 300, answered: 300, failed: 0 })
  // A closed model would have seen four slow requests; here two thirds of the visitors waited.
  expect(load.latency.p50Ms).toBeGreaterThan(30)
  expect(load.latency.maxMs).toBeGreaterThan(150)
})

test('an open load counts wrong answers and none as failed', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/a') response.writeHead(404, { 'content-length': 0 }).end()
    else request.socket.destroy()
  })
  const wrong = await runOpenLoad({ ...common, port: server.port, ratePerSecond: 100 })
  expect(wrong).toMatchObject({ appointed: 30, answered: 0, failed: 30 })
})

test('an open load counts what was refused apart', async () => {
  let asked = 0
  await using server = await serve((_request, response) => {
    asked += 1
    response.writeHead(asked % 3 === 0 ? 503 : 302, { 'content-length': 0 }).end()
  })
  const load = await runOpenLoad({ ...common, port: server.port, ratePerSecond: 100, refusedStatus: 503 })
  expect(load).toMatchObject({ appointed: 30, answered: 20, refused: 10, failed: 0 })
  expect(load.refusalLatency.count).toBe(10)
})
