/** What every bench stands on: engines, services and a temporary home, all of which end with it. */
import { rm } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import type { EngineName } from '@linkfleet/local/engines'
import { createProgramOf } from '@linkfleet/local/fleet/service-program'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import pg from 'pg'
import { type Cores, pinCores } from './cores.ts'
import { type BenchDatabase, type BenchEngines, openBenchEngines } from './engines.ts'
import type { BenchOptions } from './options.ts'
import type { MeasuredGroup } from './process-times.ts'
import { checkout, type ServiceOptions, type ServiceProcess, startServiceProcess } from './service-process.ts'

export interface BenchContext {
  readonly options: BenchOptions
  /** Told in a few words what is done now. */
  readonly say: (words: string) => void
  /** Aborts when the bench is to end early. */
  readonly signal: AbortSignal
}

export interface Stage extends BenchContext, AsyncDisposable {
  readonly home: string
  readonly engines: BenchEngines
  readonly cores: Cores
  /** How all of this was measured. */
  readonly notes: readonly string[]
  start(service: ServiceOptions): Promise<ServiceProcess>
  /** A connection without a limit of time, for work that is not measured. */
  openClient(database: BenchDatabase): Promise<pg.Client>
  /** The services given, the engines and the load, for their CPU times. */
  groups(services: readonly ServiceProcess[]): MeasuredGroup[]
}

export interface StageEngines {
  readonly which: readonly EngineName[]
  readonly replicas: number
}

export async function openStage(context: BenchContext, wanted: StageEngines): Promise<Stage> {
  const { options, say, signal } = context
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}.`
  await using resources = new AsyncDisposableStack()
  const cores: Cores = pinCores()
  const home = await temporaryHome('bench')
  resources.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(await openBenchEngines({ home, ...wanted, say, signal }))
  signal.throwIfAborted()
  const programOf = createProgramOf({ checkout, home, signal })
  const running = resources.move()
  return {
    ...context,
    home,
    engines,
    cores,
    notes: [machine, cores.sentence, engines.sentence],
    async start(service) {
      const place = { home, cores, programOf, profileDir: options.profileDir, say, signal }
      const started = await startServiceProcess(service, place)
      running.defer(() => started.stop())
      return started
    },
    async openClient(database) {
      const client = new pg.Client({ connectionString: database.url, connectionTimeoutMillis: 10_000 })
      // The database may be dropped under it when a bench is interrupted.
      client.on('error', () => {})
      await client.connect()
      running.defer(() => client.end())
      return client
    },
    groups: (services) => [
      ...services.map(({ name, pid }) => ({ name, pids: [pid], withDescendants: false })),
      { name: 'load and bench', pids: [process.pid], withDescendants: false },
      ...engines.groups,
    ],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** What the services of one bench are told alike. */
export function commonEnv(stage: Stage, linkChangesTopic: string): Record<string, string> {
  return {
    REDIS_URL: stage.engines.redisUrl,
    REDIS_KEY_PREFIX: stage.engines.redisKeyPrefix,
    KAFKA_BROKERS: stage.engines.kafkaBrokers.join(','),
    LINK_CHANGES_TOPIC: linkChangesTopic,
    ANONYMOUS_LOOPBACK: 'true',
  }
}

/** CPU seconds by group as a row of a table, each column named as the group. */
export function cpuTable(seconds: ReadonlyMap<string, number>, per: { name: string; count: number }) {
  return {
    title: 'CPU of each process',
    columns: [
      { key: 'process', title: 'process' },
      { key: 'seconds', title: 'CPU s', digits: 2 },
      { key: 'each', title: `µs per ${per.name}`, digits: 1 },
    ],
    rows: [...seconds].map(([process, used]) => ({
      process,
      seconds: used,
      each: per.count > 0 ? (used * 1e6) / per.count : undefined,
    })),
  }
}
