import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { reservedWords } from '@linkfleet/contracts/reserved-words'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { testDatabase } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { describe, expect, test } from 'vitest'
import { createForwarder } from './testing/forwarder.ts'
import { runOnDatabase, startProcess } from './testing/generator-process.ts'

function openClient(...addresses: string[]) {
  const client = openGrpcClient(IdGeneratorClient, { addresses, deadlineMs: 20_000 })
  return {
    allocate: async (count: number) => (await client.call((stub) => stub.allocateCodes, { count })).codes,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

describe('id-generator, as a process', () => {
  test('hands out as many distinct codes of seven characters as asked for, and none is a reserved word', async () => {
    await using database = await testDatabase()
    await using process = await startProcess({ databaseUrl: database.url, replicaUrls: database.replicaUrls })
    using client = openClient(process.grpcAddress)
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.allocate(1_000)))
    const codes = answers.flat()
    expect(answers.every((answer) => answer.length === 1_000)).toBe(true)
    expect(new Set(codes).size).toBe(40_000)
    expect(codes.every((code) => /^[0-9A-Za-z]{7}$/.test(code) && !reservedWords.has(code))).toBe(true)
    for (const count of [0, 1_001]) {
      await expect(client.allocate(count)).rejects.toMatchObject({ code: 'invalid-request', field: 'count' })
    }
  })

  test('never repeats a code over kill -9 again and again, beside another instance that goes on', async () => {
    await using database = await testDatabase()
    const options = { databaseUrl: database.url, replicaUrls: database.replicaUrls }
    await using steady = await startProcess(options)
    using steadyClient = openClient(steady.grpcAddress)
    const codes: string[] = []
    for (let kill = 0; kill < 6; kill += 1) {
      await using killed = await startProcess(options)
      using client = openClient(killed.grpcAddress)
      codes.push(...(await client.allocate(1_000)))
      // Killed with calls in flight: what was answered counts, what was not is burnt.
      const inFlight = Array.from({ length: 30 }, () => client.allocate(700).catch(() => []))
      const beside = Array.from({ length: 5 }, () => steadyClient.allocate(500))
      await inFlight[0]
      await killed.kill('SIGKILL')
      codes.push(...(await Promise.all([...inFlight, ...beside])).flat())
    }
    expect(codes.length).toBeGreaterThan(6 * 4_000)
    expect(new Set(codes).size).toBe(codes.length)
  })

  test('never repeats a code when two instances hold one and the same shard', async () => {
    await using database = await testDatabase()
    const options = { databaseUrl: database.url, replicaUrls: database.replicaUrls, shardsLeased: 1 }
    await using first = await startProcess(options)
    using firstClient = openClient(first.grpcAddress)
    const codes = await firstClient.allocate(1_000)
    // The lease runs out under its holder, which is frozen and cannot renew it; all other shards are taken.
    first.freeze()
    const held = await runOnDatabase(
      database.url,
      `UPDATE ids.shards SET lease_expires_at = CASE WHEN lease_owner IS NULL THEN 'infinity' ELSE now() - interval '1 s' END
       RETURNING shard, lease_owner IS NOT NULL AS held`,
    )
    const shard = held.find((row) => row.held === true)?.shard
    await using second = await startProcess(options)
    using secondClient = openClient(second.grpcAddress)
    await eventually(async () => codes.push(...(await secondClient.allocate(1_000))))
    const [holder] = await runOnDatabase(
      database.url,
      `SELECT lease_epoch FROM ids.shards WHERE shard = ${shard}`,
    )
    expect(holder).toEqual({ lease_epoch: 2 })
    first.thaw()
    // The first one goes on with the blocks it has, and gets no further ones of the shard.
    const more = await Promise.all(
      [firstClient, secondClient].flatMap((client) => [client.allocate(1_000), client.allocate(1_000)]),
    )
    codes.push(...more.flat())
    expect(codes).toHaveLength(6_000)
    expect(new Set(codes).size).toBe(6_000)
  })

  test('gives its shards back on a clean stop, so that the next instance need not wait for the leases', async () => {
    await using database = await testDatabase()
    const options = { databaseUrl: database.url, replicaUrls: database.replicaUrls, shardsLeased: 1_024 }
    const leased = 'SELECT count(*)::int AS leased FROM ids.shards WHERE lease_owner IS NOT NULL'
    await using first = await startProcess(options)
    await eventually(async () =>
      expect(await runOnDatabase(database.url, leased)).toEqual([{ leased: 1_024 }]),
    )
    expect(await first.kill('SIGTERM')).toBe(0)
    expect(await runOnDatabase(database.url, leased)).toEqual([{ leased: 0 }])
    await using second = await startProcess(options)
    using client = openClient(second.grpcAddress)
    expect(await eventually(() => client.allocate(10))).toHaveLength(10)
  })

  test('starts while Postgres is away, and hands out what it has when Postgres goes away again', async () => {
    await using database = await testDatabase()
    await using postgres = await createForwarder(database.url)
    await using process = await startProcess({ databaseUrl: postgres.url, replicaUrls: [] })
    using client = openClient(process.grpcAddress)
    const admin = async (path: string) => await (await fetch(process.adminUrl + path)).text()
    await expect(client.allocate(1)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await admin('/readyz')).toMatch(/"status":"ready".*ECONNREFUSED/)

    await postgres.open()
    const codes = await eventually(() => client.allocate(5))
    expect(await admin('/readyz')).toContain('"postgres":"up"')
    expect(await admin('/metrics')).toMatch(/^id_generator_codes_allocated_total 5$/m)
    expect(await admin('/metrics')).toMatch(/^id_generator_block_reservations_total\{outcome="fenced"\} 0$/m)

    await eventually(async () => expect(await admin('/metrics')).toMatch(/^id_generator_blocks_left 2$/m))
    await postgres.close()
    const left = Number(/^id_generator_codes_left (\d+)$/m.exec(await admin('/metrics'))![1])
    expect(left).toBeGreaterThan(4_000)
    for (let taken = 0; taken + 500 <= left; taken += 500) codes.push(...(await client.allocate(500)))
    await expect(client.allocate(1_000)).rejects.toMatchObject({ code: 'unavailable' })

    await postgres.open()
    codes.push(...(await eventually(() => client.allocate(1_000))))
    expect(new Set(codes).size).toBe(codes.length)
  })
})
