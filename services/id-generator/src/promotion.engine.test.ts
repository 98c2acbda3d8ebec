import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { eventually } from '@linkfleet/testkit/eventually'
import { startOwnPostgres } from '@linkfleet/testkit/own-postgres'
import { expect, test } from 'vitest'
import { AHEAD_MAX } from './domain/rules.ts'
import { runOnDatabase, startProcess } from './testing/generator-process.ts'

const counters = 'SELECT max(next_value) AS value FROM ids.shards'

function openClient(address: string) {
  const client = openGrpcClient(IdGeneratorClient, { addresses: [address], deadlineMs: 20_000 })
  return {
    allocate: async (count: number) => (await client.call((stub) => stub.allocateCodes, { count })).codes,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

test('no code comes twice after a replica was promoted that lacks the last blocks', async () => {
  await using postgres = await startOwnPostgres()
  const [primaryUrl, promotedUrl] = postgres.memberUrls as [string, string, string]
  // One shard for all, so that the generators before and after the promotion draw from the same counter.
  await runOnDatabase(primaryUrl, "UPDATE ids.shards SET lease_expires_at = 'infinity' WHERE shard <> 7")
  const options = {
    databaseUrl: postgres.url,
    replicaUrls: postgres.memberUrls,
    shardsLeased: 1,
    leaseTtlMs: 1_000,
  }
  const codes: string[] = []

  await using before = await startProcess(options)
  using beforeClient = openClient(before.grpcAddress)
  codes.push(...(await beforeClient.allocate(1_000)))
  await postgres.cutOff(2)
  await postgres.cutOff(1)
  for (let call = 0; call < 30; call += 1) codes.push(...(await beforeClient.allocate(1_000)))
  const [onPrimary] = await runOnDatabase(primaryUrl, counters)
  const [onReplica] = await runOnDatabase(promotedUrl, counters)
  expect(Number(onReplica!.value)).toBeLessThan(Number(onPrimary!.value))

  await postgres.killPrimary()
  await before.kill('SIGKILL')
  await postgres.promote(1)
  await using after = await startProcess(options)
  using afterClient = openClient(after.grpcAddress)
  codes.push(...(await eventually(() => afterClient.allocate(1_000), { withinMs: 30_000, everyMs: 200 })))
  for (let call = 0; call < 30; call += 1) codes.push(...(await afterClient.allocate(1_000)))

  expect(new Set(codes).size).toBe(62_000)
  const [afterwards] = await runOnDatabase(promotedUrl, counters)
  expect(Number(afterwards!.value)).toBeGreaterThan(Number(onReplica!.value) + AHEAD_MAX)
}, 120_000)
