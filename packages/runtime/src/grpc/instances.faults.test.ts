// Clients and instances in processes of their own, which are frozen, drained, killed and started again.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, onTestFinished, test } from 'vitest'
import { openGrpcClient } from '../grpc-client.ts'
import { startGrpcServer } from '../grpc-server.ts'
import { silentLogger } from '../log.ts'
import { Metrics } from '../metrics.ts'

const example = fileURLToPath(new URL('../../test/example-grpc-service.ts', import.meta.url))
const deadlineMs = 1_000
/** What a busy machine may add before a timer that is due is seen. */
const slackMs = 500

interface Example {
  readonly address: string
  readonly child: ChildProcess
}

async function start(
  name: string,
  options: { port?: number; answersAfterMs?: number } = {},
): Promise<Example> {
  const { port = 0, answersAfterMs = 0 } = options
  const child = spawn(process.execPath, [example], {
    env: {
      PATH: process.env.PATH,
      INSTANCE: name,
      ADMIN_PORT: '0',
      GRPC_PORT: String(port),
      EXAMPLE_ANSWERS_AFTER_MS: String(answersAfterMs),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  const [, address = ''] = await eventually(() => /"grpc":"([^"]+)"/.exec(output) ?? false)
  return { address, child }
}

function open(...instances: Example[]) {
  const addresses = instances.map(({ address }) => address)
  const client = openGrpcClient(IdGeneratorClient, { addresses, deadlineMs })
  onTestFinished(() => client[Symbol.dispose]())
  const serving = () => client.instances().filter(({ isServing }) => isServing)
  return { client, serving, untilServing: (count: number) => eventually(() => serving().length === count) }
}

interface Called {
  readonly startedMs: number
  readonly tookMs: number
  /** The instance that answered, or what was wrong. */
  readonly by: string
}

/** A call each 10 ms, whether or not earlier ones are answered, until it is stopped. */
function callSteadily(client: ReturnType<typeof open>['client']) {
  const calls: Promise<Called>[] = []
  async function call(): Promise<Called> {
    const startedMs = performance.now()
    const by = await client
      .call((stub) => stub.allocateCodes, { count: 1 })
      .then(
        ({ codes }) => codes[0] ?? '',
        (error: Error) => `failed: ${error.message}`,
      )
    return { startedMs, tookMs: performance.now() - startedMs, by }
  }
  const timer = setInterval(() => calls.push(call()), 10)
  onTestFinished(() => clearInterval(timer))
  return {
    /** Waits until every instance named answers one of the newest calls, and no other does. */
    untilAnsweredBy: (...names: string[]) =>
      eventually(
        async () => {
          const newest = (await Promise.all(calls.slice(-20))).map(({ by }) => by)
          expect([...new Set(newest)].sort()).toEqual(names)
        },
        { withinMs: 15_000, everyMs: 50 },
      ),
    async untilMore(count: number): Promise<void> {
      const before = calls.length
      await eventually(() => calls.length >= before + count)
    },
    async stop(): Promise<Called[]> {
      clearInterval(timer)
      return await Promise.all(calls)
    },
  }
}

function expectAllAnswered(called: readonly Called[]): void {
  expect(called.filter(({ by }) => by.startsWith('failed'))).toEqual([])
  expect(Math.max(...called.map(({ tookMs }) => tookMs))).toBeLessThan(deadlineMs + slackMs)
}

test('a frozen instance is left within 5 s without a failed call, and taken back when it goes on', async () => {
  const [steady, frozen] = [await start('steady'), await start('frozen')]
  const { client, serving, untilServing } = open(steady, frozen)
  await untilServing(2)
  const load = callSteadily(client)
  await load.untilAnsweredBy('frozen', 'steady')

  frozen.child.kill('SIGSTOP')
  const frozenAtMs = performance.now()
  await eventually(() => expect(serving()).toMatchObject([{ address: steady.address }]))
  expect(performance.now() - frozenAtMs).toBeLessThan(5_000)
  const leftAtMs = performance.now()
  await load.untilMore(50)

  frozen.child.kill('SIGCONT')
  const thawedAtMs = performance.now()
  await untilServing(2)
  expect(performance.now() - thawedAtMs).toBeLessThan(5_000)
  await load.untilAnsweredBy('frozen', 'steady')
  const called = await load.stop()
  expectAllAnswered(called)
  // Once it is left, nobody waits for it first.
  const whileLeft = called.filter(({ startedMs }) => startedMs > leftAtMs && startedMs < thawedAtMs)
  expect(whileLeft.length).toBeGreaterThan(0)
  expect(Math.max(...whileLeft.map(({ tookMs }) => tookMs))).toBeLessThan(deadlineMs * 0.3)
}, 60_000)

test('an idle client leaves a frozen instance too', async () => {
  const [steady, frozen] = [await start('steady'), await start('frozen')]
  const { serving, untilServing } = open(steady, frozen)
  await untilServing(2)
  frozen.child.kill('SIGSTOP')
  const frozenAtMs = performance.now()
  await eventually(() => expect(serving()).toMatchObject([{ address: steady.address }]))
  expect(performance.now() - frozenAtMs).toBeLessThan(5_000)
})

test('when the only instance is frozen, a call costs its deadline and no more', async () => {
  const frozen = await start('frozen')
  const { client, untilServing } = open(frozen)
  await untilServing(1)
  frozen.child.kill('SIGSTOP')
  const startedMs = performance.now()
  const calling = client.call((stub) => stub.allocateCodes, { count: 1 })
  await expect(calling).rejects.toMatchObject({ code: 'deadline-exceeded' })
  expect(performance.now() - startedMs).toBeLessThan(deadlineMs + slackMs)
  frozen.child.kill('SIGCONT')
  await eventually(() => client.call((stub) => stub.allocateCodes, { count: 1 }))
})

test('an instance that drains finishes its calls, gets no further ones, and is not held up by who watches it', async () => {
  const [steady, draining] = [
    await start('steady', { answersAfterMs: 50 }),
    await start('draining', { answersAfterMs: 50 }),
  ]
  const { client, serving, untilServing } = open(steady, draining)
  await untilServing(2)
  const load = callSteadily(client)
  await load.untilAnsweredBy('draining', 'steady')
  const toldAtMs = performance.now()
  const exited = once(draining.child, 'exit')
  draining.child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  expect(performance.now() - toldAtMs).toBeLessThan(3_000)
  expect(serving()).toMatchObject([{ address: steady.address }])
  await load.untilAnsweredBy('steady')
  expectAllAnswered(await load.stop())
})

test('calls under way on an instance that is killed go to another, and it is taken back when started again', async () => {
  const [steady, killed] = [
    await start('steady', { answersAfterMs: 50 }),
    await start('killed', { answersAfterMs: 50 }),
  ]
  const { client, untilServing } = open(steady, killed)
  await untilServing(2)
  const load = callSteadily(client)
  await load.untilAnsweredBy('killed', 'steady')
  killed.child.kill('SIGKILL')
  await load.untilAnsweredBy('steady')
  await start('again', { port: Number(killed.address.split(':')[1]) })
  await load.untilAnsweredBy('again', 'steady')
  expectAllAnswered(await load.stop())
}, 60_000)

test('an instance that answers ever so slowly is passed over, and asked again later', async () => {
  const [quick, slow] = [await start('quick'), await start('slow', { answersAfterMs: 900 })]
  const { client, serving, untilServing } = open(quick, slow)
  await untilServing(2)
  const load = callSteadily(client)
  await load.untilAnsweredBy('quick')
  expect(serving()).toHaveLength(2)
  expectAllAnswered(await load.stop())
})

test('an address that another service has is not used', async () => {
  const right = await start('right')
  const log = silentLogger()
  const place = { host: '127.0.0.1', port: 0, services: [], protoFiles: [] }
  await using other = await startGrpcServer({ ...place, log, metrics: new Metrics('other') })
  const addresses = [other.address, right.address]
  using client = openGrpcClient(IdGeneratorClient, { addresses, deadlineMs })
  await eventually(() => client.isConnected())
  for (let call = 0; call < 10; call++) {
    expect(await client.call((stub) => stub.allocateCodes, { count: 1 })).toEqual({ codes: ['right'] })
  }
})

test('a name is asked of DNS, and a call before the answer waits for it', async () => {
  const named = await start('named')
  const port = named.address.split(':')[1]
  using client = openGrpcClient(IdGeneratorClient, {
    addresses: [`dns:///ids.example:${port}`],
    deadlineMs,
    lookup: async (host) => (host === 'ids.example' ? ['127.0.0.1'] : []),
  })
  expect(await client.call((stub) => stub.allocateCodes, { count: 1 })).toEqual({ codes: ['named'] })
})

test('a name that DNS does not know is "unavailable"', async () => {
  using client = openGrpcClient(IdGeneratorClient, {
    addresses: ['dns:///nowhere.invalid:9084'],
    deadlineMs,
    lookup: async () => {
      throw new Error('ENOTFOUND')
    },
  })
  const calling = client.call((stub) => stub.allocateCodes, { count: 1 })
  await expect(calling).rejects.toMatchObject({ code: 'unavailable' })
})
