/**
 * The part of a fleet that creates and follows links, as processes that a test kills, freezes and starts again by hand:
 * no supervisor brings them back. Two id-generators, two shorteners, one redirect, on engines of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePortBlock } from '@linkfleet/local/ports'
import { runOnce, untilConnectable, withDatabase } from '@linkfleet/testkit/database'
import { eventually } from '@linkfleet/testkit/eventually'
import { startTestEngines } from '@linkfleet/testkit/start-engines'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'

export type Program = 'id-generator' | 'shortener' | 'redirect'

export interface Member {
  readonly name: string
  readonly program: Program
  readonly url: string
  /** host:port of gRPC */
  readonly address: string
  readonly admin: string
  /** Starts it on the ports it had before, and waits until it is ready. */
  start(): Promise<void>
  /** Sends the signal and waits for the end. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  freeze(): void
  thaw(): void
  /** The value of a counter or gauge without labels. */
  metric(name: string): Promise<number>
}

export interface WritePathFleet extends AsyncDisposable {
  readonly databaseUrl: string
  readonly generators: readonly [Member, Member]
  readonly shorteners: readonly [Member, Member]
  readonly redirect: Member
}

const readyWithinMs = 60_000

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
  const environments: Record<Program, Record<string, string>> = {
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
  const programs = ['id-generator', 'id-generator', 'shortener', 'shortener', 'redirect'] as const
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

function createMember(options: {
  name: string
  program: Program
  firstPort: number
  env: Record<string, string>
}): Member {
  const { name, program, firstPort } = options
  const main = fileURLToPath(new URL(`../../services/${program}/src/main.ts`, import.meta.url))
  const admin = `http://127.0.0.1:${firstPort + 2}`
  let child: ChildProcess | undefined
  const hasEnded = () => child === undefined || child.exitCode !== null || child.signalCode !== null

  return {
    name,
    program,
    url: `http://127.0.0.1:${firstPort}`,
    address: `127.0.0.1:${firstPort + 1}`,
    admin,
    async start() {
      // The Kafka client sets timers into the past, which Node warns of.
      child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', main], {
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
        env: {
          PATH: process.env.PATH,
          INSTANCE: name,
          HTTP_PORT: String(firstPort),
          GRPC_PORT: String(firstPort + 1),
          ADMIN_PORT: String(firstPort + 2),
          // It ends with the test, however that ends.
          SUPERVISOR_FD: '3',
          ...options.env,
        },
      })
      await eventually(
        async () => {
          if (hasEnded()) return true
          return (await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok
        },
        { withinMs: readyWithinMs, everyMs: 50 },
      )
      if (hasEnded()) throw new Error(`${name} ended before it was ready.`)
    },
    async kill(signal) {
      if (child === undefined || hasEnded()) return
      const ended = once(child, 'exit')
      child.kill(signal)
      // A frozen process takes only SIGKILL.
      if (signal === 'SIGTERM') child.kill('SIGCONT')
      await ended
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async metric(metric) {
      const page = await (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()
      const value = new RegExp(`^${metric} (\\S+)$`, 'm').exec(page)?.[1]
      if (value === undefined) throw new Error(`${name} has no metric ${metric}.`)
      return Number(value)
    },
  }
}
