import { LinkfleetError } from '@linkfleet/contracts/errors'
import { IdGeneratorClient, IdGeneratorService } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { expect, test } from 'vitest'
import { openGrpcClient } from './grpc-client.ts'
import { grpcService, startGrpcServer } from './grpc-server.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'

async function startExample(name: string, answer: (count: number) => Promise<string[]>) {
  const metrics = new Metrics('example')
  const service = grpcService(IdGeneratorService, {
    allocateCodes: async ({ count }) => ({ codes: await answer(count) }),
  })
  const protoFiles = ['linkfleet/ids/v1/ids.proto']
  const listening = {
    host: '127.0.0.1',
    port: 0,
    services: [service],
    log: silentLogger(),
    metrics,
    protoFiles,
  }
  return { name, metrics, server: await startGrpcServer(listening) }
}

test('an error keeps its code and its field on its way to the caller', async () => {
  const { server, metrics } = await startExample('a', async () => {
    throw new LinkfleetError('invalid-request', 'At most 5.', { field: 'count' })
  })
  await using _server = server
  using client = openGrpcClient(IdGeneratorClient, { addresses: [server.address], deadlineMs: 20_000 })
  await expect(client.call((stub) => stub.allocateCodes, { count: 6 })).rejects.toMatchObject({
    code: 'invalid-request',
    field: 'count',
    message: 'At most 5.',
  })
  expect(await metrics.registry.metrics()).toContain(
    'grpc_method="AllocateCodes",grpc_code="INVALID_ARGUMENT"} 1',
  )
})

test('an unexpected error tells the caller nothing of its cause', async () => {
  const { server } = await startExample('a', async () => {
    throw new Error('the password is hunter2')
  })
  await using _server = server
  using client = openGrpcClient(IdGeneratorClient, { addresses: [server.address], deadlineMs: 20_000 })
  const failure = await client
    .call((stub) => stub.allocateCodes, { count: 1 })
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'internal' })
  expect(String(failure)).not.toContain('hunter2')
})

test('a server that does not answer costs the deadline and no more', async () => {
  const { server } = await startExample('a', () => new Promise(() => {}))
  await using _server = server
  using client = openGrpcClient(IdGeneratorClient, { addresses: [server.address], deadlineMs: 100 })
  await expect(client.call((stub) => stub.allocateCodes, { count: 1 })).rejects.toMatchObject({
    code: 'deadline-exceeded',
  })
})

test('nobody listening is "unavailable"', async () => {
  using client = openGrpcClient(IdGeneratorClient, { addresses: ['127.0.0.1:1'], deadlineMs: 1_000 })
  await expect(client.call((stub) => stub.allocateCodes, { count: 1 })).rejects.toMatchObject({
    code: 'unavailable',
  })
})

test('calls are spread over all instances, and go on when one of them ends', async () => {
  const first = await startExample('first', async () => ['first'])
  const second = await startExample('second', async () => ['second'])
  await using _second = second.server
  const addresses = [first.server.address, second.server.address]
  using client = openGrpcClient(IdGeneratorClient, { addresses, deadlineMs: 20_000 })
  const ask = async () => (await client.call((stub) => stub.allocateCodes, { count: 1 })).codes[0]
  const seen = new Set<string | undefined>()
  const deadlineMs = Date.now() + 5_000
  while (seen.size < 2 && Date.now() < deadlineMs) seen.add(await ask())
  expect([...seen].sort()).toEqual(['first', 'second'])
  await first.server[Symbol.asyncDispose]()
  for (let call = 0; call < 20; call++) expect(await ask()).toBe('second')
})

test('calls are timed where they are made, also those that reach nobody, and are there at 0 before', async () => {
  const { server } = await startExample('a', async (count) => {
    if (count === 0) throw new LinkfleetError('invalid-request', 'At least 1.', { field: 'count' })
    return ['code']
  })
  const metrics = new Metrics('caller')
  const open = (address: string) =>
    openGrpcClient(IdGeneratorClient, { addresses: [address], deadlineMs: 20_000, metrics })
  const series = async (code: string) =>
    new RegExp(
      `^grpc_client_handling_seconds_count\\{grpc_service="linkfleet.ids.v1.IdGenerator",grpc_method="AllocateCodes",grpc_code="${code}"\\} (\\d+)$`,
      'm',
    ).exec(await metrics.registry.metrics())?.[1]
  {
    await using _server = server
    using client = open(server.address)
    using nobody = open('127.0.0.1:1')
    expect([await series('OK'), await series('UNAVAILABLE'), await series('DEADLINE_EXCEEDED')]).toEqual([
      '0',
      '0',
      '0',
    ])
    const ask = (count: number, of = client) => of.call((stub) => stub.allocateCodes, { count })
    await ask(1)
    await ask(1)
    await expect(ask(0)).rejects.toMatchObject({ code: 'invalid-request' })
    await expect(ask(1, nobody)).rejects.toMatchObject({ code: 'unavailable' })
  }
  expect(await series('OK')).toBe('2')
  expect(await series('INVALID_ARGUMENT')).toBe('1')
  expect(await series('UNAVAILABLE')).toBe('1')
})
