import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { testDatabase } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { runOnDatabase, startProcess } from './testing/generator-process.ts'

const program = fileURLToPath(new URL('./operator.ts', import.meta.url))

async function operate(databaseUrl: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl }
  const run = promisify(execFile)(process.execPath, [program, ...args], { env })
  return await run.then(
    ({ stdout }) => ({ status: 0, said: stdout.trim() }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ status: code, said: stderr.trim() }),
  )
}

test('after a restore to an earlier point in time, codes come twice without "advance", and never with it', async () => {
  await using database = await testDatabase()
  await runOnDatabase(database.url, "UPDATE ids.shards SET lease_expires_at = 'infinity' WHERE shard <> 7")
  async function allocate(): Promise<string[]> {
    await using generator = await startProcess({
      databaseUrl: database.url,
      replicaUrls: [],
      shardsLeased: 1,
    })
    using client = openGrpcClient(IdGeneratorClient, {
      addresses: [generator.grpcAddress],
      deadlineMs: 20_000,
    })
    const { codes } = await eventually(() => client.call((stub) => stub.allocateCodes, { count: 1_000 }))
    expect(await generator.kill('SIGTERM')).toBe(0)
    return codes
  }
  const rewind = 'UPDATE ids.shards SET next_value = 0 WHERE shard = 7'
  const before = await allocate()
  await runOnDatabase(database.url, rewind)
  expect((await allocate()).filter((code) => before.includes(code))).toHaveLength(1_000)
  await runOnDatabase(database.url, rewind)
  expect(await operate(database.url, 'advance', '--by', '100000')).toEqual({
    status: 0,
    said: 'every shard is moved forward by 100000; the lowest counter is now 100000',
  })
  expect((await allocate()).filter((code) => before.includes(code))).toEqual([])
})

test('a key is rotated while a generator works, and no code comes again', async () => {
  await using database = await testDatabase()
  await using generator = await startProcess({ databaseUrl: database.url, replicaUrls: database.replicaUrls })
  using client = openGrpcClient(IdGeneratorClient, { addresses: [generator.grpcAddress], deadlineMs: 20_000 })
  const codes: string[] = []
  const allocate = async (calls: number) => {
    for (let call = 0; call < calls; call++) {
      const answer = await eventually(() => client.call((stub) => stub.allocateCodes, { count: 1_000 }))
      codes.push(...answer.codes)
    }
  }
  await allocate(5)
  const [rotated] = await Promise.all([operate(database.url, 'rotate-key'), allocate(10)])
  expect(rotated).toEqual({ status: 0, said: 'later codes come from key 2' })
  // Far enough that what was reserved before the rotation is used up.
  await allocate(60)
  const [shard] = await runOnDatabase(
    database.url,
    'SELECT count(*)::int AS used FROM ids.shards WHERE next_value > (SELECT max(from_counter) FROM ids.keys)',
  )
  expect(shard?.used).toBeGreaterThan(0)
  expect(new Set(codes).size).toBe(75_000)
})

const nowhere = 'postgres://nobody@127.0.0.1:1/nothing'

test.each([
  [[]],
  [['advance']],
  [['advance', '--by', '0']],
  [['advance', '--by', '1e6']],
  [['advance', '--by', '99999999999']],
  [['rotate-key', '--by', '1']],
  [['retreat', '--by', '5']],
])('%j is no command: the database is not asked and the usage is shown', async (args) => {
  const answer = await operate(nowhere, ...args)
  expect(answer).toMatchObject({ status: 2, said: expect.stringMatching(/^usage:/) })
})

test('a database that is away is told, and is status 1', async () => {
  expect(await operate(nowhere, 'rotate-key')).toMatchObject({
    status: 1,
    said: expect.stringContaining('nothing was changed'),
  })
})
