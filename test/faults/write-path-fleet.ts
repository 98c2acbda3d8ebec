/**
 * The part of a fleet that creates and follows links, as processes that a test kills, freezes and starts again by hand:
 * no supervisor brings them back. Two id-generators, two shorteners, one redirect, on engines of their own.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePortBlock } from '@linkfleet/local/ports'
import { runOnce, untilConnectable, withDatabase } from '@linkfleet/testkit/database'
import { startTestEngines } from '@linkfleet/testkit/start-engines'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { createMember, type Member } from './member.ts'

const programs = ['id-generator', 'id-generator', 'shortener', 'shortener', 'redirect'] as const

export interface WritePathFleet extends AsyncDisposable {
  readonly databaseUrl: string
  readonly generators: readonly [Member, Member]
  readonly shorteners: readonly [Member, Member]
  readonly redirect: Member
}

/** Everything is ready when it resolves. */
export async function startWritePathFleet(): Promise<WritePathFleet> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('write-path')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(await startTestEngines(() => {}))
  const firstPort = await freePortBlock(15)
  await runOnce(engines.databaseUrl, `CREATE DATABASE writes TEMPLATE ${engines.templateDatabase}`)
  const databaseUrl = withDatabase(engines.databaseUrl, 'writes')
  const replicaUrls = engines.databaseReplicaUrls.map((url) => withDatabase(url, 'writes'))
  await Promise.all(replicaUrls.map(untilConnectable))
  const database = { DATABASE_URL: databaseUrl }
  const replicas = { DATABASE_REPLICA_URLS: replicaUrls.join(',') }
  const buses = { REDIS_URL: engines.redisUrl, KAFKA_BROKERS: engines.kafkaBrokers.join(',') }
  const grpcPort = (index: number) => firstPort + 3 * index + 1
  const grpcOf = (...indexes: number[]) => indexes.map((index) => `127.0.0.1:${grpcPort(index)}`).join(',')
  const environments: Record<(typeof programs)[number], Record<string, string>> = {
    'id-generator': { ...database, ...replicas, SHARD_LEASE_TTL_MS: '3000' },
    shortener: {
      ...database,
      ...buses,
      ID_GENERATOR_ADDRESSES: grpcOf(0, 1),
      ANONYMOUS_LOOPBACK: 'true',
      PUBLIC_URL: 'http://go.example.com',
    },
    redirect: {
      ...replicas,
      ...buses,
      SHORTENER_ADDRESSES: grpcOf(2, 3),
      SPOOL_DIR: join(home, 'spool'),
    },
  }
  const members = programs.map((program, index) => {
    const name = `${program}-${(index % 2) + 1}`
    const member = createMember({
      name,
      program,
      firstPort: firstPort + 3 * index,
      env: environments[program],
    })
    resources.defer(() => member.kill('SIGKILL'))
    return member
  })
  await Promise.all(members.map((member) => member.start()))
  const [firstGenerator, secondGenerator, firstShortener, secondShortener, redirect] = members as [
    Member,
    Member,
    Member,
    Member,
    Member,
  ]
  const started = resources.move()
  return {
    databaseUrl,
    generators: [firstGenerator, secondGenerator],
    shorteners: [firstShortener, secondShortener],
    redirect,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
