import { once } from 'node:events'
import { request as ask } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createHttpServer, listen } from './http.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'
import { TurnClock } from './turn-clock.ts'

function simulated() {
  const times = { now: 1_000, idle: 0 }
  const clock = new TurnClock({ nowMs: () => times.now, idleMs: () => times.idle })
  return {
    clock,
    work(ms: number) {
      times.now += ms
    },
    wait(ms: number) {
      times.now += ms
      times.idle += ms
    },
  }
}

test('what a waiting poll brings arrived when it returned', () => {
  const { clock, work, wait } = simulated()
  wait(500)
  work(3)
  expect(clock.arrivedMs()).toBe(1_500)
  work(20)
  expect(clock.arrivedMs(), 'also what is looked at later in the turn').toBe(1_500)
})

test('what a poll brings at once may have come as early as the poll before returned', () => {
  const { clock, work, wait } = simulated()
  wait(500)
  work(300)
  clock.endTurn()
  work(1)
  expect(clock.arrivedMs()).toBe(1_500)
  work(40)
  clock.endTurn()
  expect(clock.arrivedMs()).toBe(1_800)
})

test('a busy turn without any request counts as well', () => {
  const { clock, work, wait } = simulated()
  wait(100)
  clock.endTurn()
  work(250)
  clock.endTurn()
  expect(clock.arrivedMs()).toBe(1_100)
})

test('the first request of a connection counts from its acceptance, a later one from its own turn', () => {
  const { clock, work, wait } = simulated()
  const socket = {}
  wait(10)
  work(300)
  clock.endTurn()
  clock.accepted(socket)
  work(5)
  clock.endTurn()
  expect(clock.arrivedMs(socket)).toBe(1_010)
  expect(clock.arrivedMs({})).toBe(1_310)
  clock.endTurn()
  wait(50)
  expect(clock.arrivedMs(socket)).toBe(1_365)
})

async function measured(metrics: Metrics, le: string): Promise<number> {
  const page = await metrics.registry.metrics()
  const line = page
    .split('\n')
    .find(
      (one) =>
        one.startsWith('http_request_duration_seconds_bucket') &&
        one.includes(`le="${le}"`) &&
        one.includes('/quick') &&
        one.includes('code="200"'),
    )
  return Number(line?.split(' ').at(-1))
}

test.each(['kept', 'new'])(
  'a request on a %s connection that waits for a blocked loop is measured with its wait',
  async (kind) => {
    const metrics = new Metrics('example')
    const server = createHttpServer({
      log: silentLogger(),
      metrics,
      bodyLimitBytes: 100,
      requestTimeoutMs: 5_000,
    })
    server.get('/quick', async () => 'quick')
    server.get('/blocks', async () => {
      // The request is sent in the very turn that then blocks: the kernel has it for the whole of it.
      socket.write('GET /quick HTTP/1.1\r\nhost: x\r\n\r\n')
      const untilMs = performance.now() + 300
      while (performance.now() < untilMs);
      return 'done'
    })
    await using http = await listen(server, '127.0.0.1', 0)
    const socket = connect(http.port, '127.0.0.1')
    if (kind === 'kept') {
      await once(socket, 'connect')
      for (let turn = 0; turn < 10; turn += 1) await nextTurn()
    }
    const answered = once(socket, 'data')
    await new Promise<void>((resolve, reject) => {
      ask(`${http.url}/blocks`, (answer) => answer.resume().once('end', resolve))
        .once('error', reject)
        .end()
    })
    await answered
    socket.destroy()
    await expect.poll(() => measured(metrics, '10')).toBe(1)
    expect(await measured(metrics, '0.2'), 'bad by the SLI').toBe(0)
  },
)
