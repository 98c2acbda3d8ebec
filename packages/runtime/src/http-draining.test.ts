/** What clients of a server see that stops: on real sockets, since connections are what this is about. */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createHttpServer, type Listening, listen } from './http.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'

const agents: Agent[] = []
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy()
})

async function startServer(
  metrics = new Metrics('example'),
): Promise<Listening & { release(): void; readonly waiting: Promise<void> }> {
  const server = createHttpServer({
    log: silentLogger(),
    metrics,
    bodyLimitBytes: 100,
    requestTimeoutMs: 1_000,
  })
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  server.get('/now', async () => 'now')
  server.get('/late', async () => {
    asked.resolve()
    await gate.promise
    return 'late'
  })
  const listening = await listen(server, '127.0.0.1', 0)
  return { ...listening, release: () => gate.resolve(), waiting: asked.promise }
}

/** One connection that is kept, as a client under load has it. */
function keptConnection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return agent
}

async function ask(url: string, agent: Agent) {
  const request = get(url, { agent })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += chunk
  return { body, connection: response.headers.connection, reused: request.reusedSocket }
}

test('a kept connection is answered once more, told to close, and new ones are refused', async () => {
  const server = await startServer()
  const agent = keptConnection()
  expect(await ask(`${server.url}/now`, agent)).toMatchObject({ connection: 'keep-alive', reused: false })
  const stopped = server[Symbol.asyncDispose]()
  expect(await ask(`${server.url}/now`, agent)).toEqual({ body: 'now', connection: 'close', reused: true })
  await expect(ask(`${server.url}/now`, agent)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await stopped
})

test('a request that was accepted is answered however long it takes, and the stop waits for it', async () => {
  const server = await startServer()
  const late = ask(`${server.url}/late`, keptConnection())
  await server.waiting
  let isStopped = false
  const stopped = server[Symbol.asyncDispose]().then(() => {
    isStopped = true
  })
  // Well past the moment at which idle connections are closed.
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(isStopped).toBe(false)
  server.release()
  expect((await late).body).toBe('late')
  await stopped
})

test('a connection nobody uses keeps no server from stopping', async () => {
  const server = await startServer()
  const agent = keptConnection()
  await ask(`${server.url}/now`, agent)
  const idle = connect(server.port, '127.0.0.1')
  await once(idle, 'connect')
  idle.write('GET /now HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(idle, 'data')
  const startedMs = performance.now()
  await server[Symbol.asyncDispose]()
  expect(performance.now() - startedMs).toBeLessThan(2_000)
  idle.destroy()
})

test('connections that were opened ahead of need and never used do not hold a stop up', async () => {
  const server = await startServer()
  const ahead = Array.from({ length: 3 }, () => connect(server.port, '127.0.0.1'))
  await Promise.all(ahead.map((socket) => once(socket, 'connect')))
  const closed = Promise.all(ahead.map((socket) => once(socket, 'close')))
  // An answered request shows that the connections before it were taken.
  await ask(`${server.url}/now`, keptConnection())
  await server[Symbol.asyncDispose]()
  await closed
}, 10_000)

test('a request whose client went before it was answered is counted, once', async () => {
  const metrics = new Metrics('example')
  await using server = await startServer(metrics)
  const count = async (code: number) =>
    (await metrics.registry.metrics()).match(
      new RegExp(`seconds_count\\{.*route="/late",method="GET",code="${code}"\\} (\\d+)`),
    )?.[1]
  expect(await count(499), 'from the start').toBe('0')
  const asking = get(`${server.url}/late`).on('error', () => {})
  await server.waiting
  asking.destroy()
  await expect.poll(() => count(499), { timeout: 10_000 }).toBe('1')
  server.release()
  expect((await ask(`${server.url}/now`, keptConnection())).body).toBe('now')
  expect([await count(499), await count(200)]).toEqual(['1', '0'])
})
