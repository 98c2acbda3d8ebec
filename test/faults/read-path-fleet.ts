/** The part of a fleet that follows links and counts clicks: one shortener, two redirects, one analytics. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePortBlock } from '@linkfleet/local/ports'
import { runOnce, untilConnectable, withDatabase } from '@linkfleet/testkit/database'
import { startTestEngines } from '@linkfleet/testkit/start-engines'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { createMember, type Member } from './member.ts'

export interface ReadPathFleet extends AsyncDisposable {
  readonly shortener: Member
  readonly analytics: Member
  readonly redirects: readonly [Member, Member]
}

/** A process that just started on a machine that does much else is slow; that is not what these tests look for. */
const patience = {
  REDIS_TIMEOUT_MS: '1000',
  REPLICA_TIMEOUT_MS: '2000',
  SHORTENER_TIMEOUT_MS: '950',
  SHED_TURN_MS_MAX: '0',
}

/** Everything is ready when it resolves. No id-generator: a test chooses its aliases. */
export async function startReadPathFleet(): Promise<ReadPathFleet> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('read-path')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(await startTestEngines(() => {}))
  const firstPort = await freePortBlock(12)
  await runOnce(engines.databaseUrl, `CREATE DATABASE reads TEMPLATE ${engines.templateDatabase}`)
  const databaseUrl = withDatabase(engines.databaseUrl, 'reads')
  const replicaUrls = engines.databaseReplicaUrls.map((url) => withDatabase(url, 'reads'))
  await Promise.all(replicaUrls.map(untilConnectable))
  const database = { DATABASE_URL: databaseUrl }
  const replicas = { DATABASE_REPLICA_URLS: replicaUrls.join(',') }
  const redis = { REDIS_URL: engines.redisUrl }
  const kafka = { KAFKA_BROKERS: engines.kafkaBrokers.join(',') }
  const grpcOf = (index: number) => `127.0.0.1:${firstPort + 3 * index + 1}`
  const shortenerGrpc = { SHORTENER_ADDRESSES: grpcOf(0) }
  const analyticsGrpc = { ANALYTICS_ADDRESSES: grpcOf(1) }
  const anonymous = { ANONYMOUS_LOOPBACK: 'true' }

  function add(
    index: number,
    options: { name: string; program: Member['program']; env: Record<string, string> },
  ) {
    const member = createMember({ ...options, firstPort: firstPort + 3 * index })
    resources.defer(() => member.kill('SIGKILL'))
    return member
  }
  const redirectOf = (index: number) =>
    add(index, {
      name: `redirect-${index - 1}`,
      program: 'redirect',
      env: {
        ...replicas,
        ...redis,
        ...kafka,
        ...shortenerGrpc,
        ...analyticsGrpc,
        ...patience,
        SPOOL_DIR: join(home, `spool-${index}`),
      },
    })
  const shortener = add(0, {
    name: 'shortener-1',
    program: 'shortener',
    env: {
      ...database,
      ...redis,
      ...kafka,
      ...analyticsGrpc,
      ...anonymous,
      // Nobody is there: an alias needs no generated code.
      ID_GENERATOR_ADDRESSES: '127.0.0.1:9',
      PUBLIC_URL: 'http://go.example.com',
    },
  })
  const analytics = add(1, {
    name: 'analytics-1',
    program: 'analytics',
    env: { ...database, ...replicas, ...kafka, ...shortenerGrpc, ...anonymous },
  })
  const redirects = [redirectOf(2), redirectOf(3)] as const
  await Promise.all([shortener, analytics, ...redirects].map((member) => member.start()))
  const started = resources.move()
  return { shortener, analytics, redirects, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
