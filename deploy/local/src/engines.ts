/**
 * All engines of one machine, started side by side. Ready means that each answered a real query. What the
 * environment names is used as it is and never started or stopped.
 */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Engine, EngineHome } from './engines/engine.ts'
import { startKafka } from './engines/kafka.ts'
import { type PostgresCluster, startPostgres } from './engines/postgres.ts'
import { startPrometheus } from './engines/prometheus.ts'
import { startRedis } from './engines/redis.ts'
import { Ledger } from './ledger.ts'
import { LocalFleetError } from './problem.ts'
import { findJava, type JavaProgram } from './programs/java.ts'
import { findKafka } from './programs/kafka.ts'
import { findPostgres } from './programs/postgres.ts'
import type { Program, Progress } from './programs/program.ts'
import { findPrometheus } from './programs/prometheus.ts'
import { findRedis } from './programs/redis.ts'

export type EngineName = 'postgres' | 'redis' | 'kafka' | 'prometheus'
export type EnginePorts = Record<EngineName, number>

export type StartEnginesOptions = {
  home: string
  /** The first port of each: Postgres takes one per member, Kafka two per broker. */
  ports: EnginePorts
  which?: EngineName[]
  brokers?: 1 | 3
  replicas?: number
  maxConnections?: number
  /** Absolute paths of rule files for Prometheus. */
  ruleFiles?: string[]
  env?: NodeJS.ProcessEnv
  progress?: Progress
  /** Told of each engine as it becomes ready, for the table at the start. */
  report?: (row: EngineRow) => void
  signal?: AbortSignal
}

export type EngineRow = { name: EngineName; version: string; origin: string; url: string }

export type RunningEngines = {
  databaseUrl?: string | undefined
  databaseReplicaUrls: string[]
  redisUrl?: string | undefined
  kafkaBrokers: string[]
  prometheusUrl?: string | undefined
  engines: { name: string; pid: number; url: string }[]
  rows: EngineRow[]
  /** The processes themselves, for whoever watches them. */
  processes: Engine[]
  postgres?: PostgresCluster | undefined
  [Symbol.asyncDispose](): Promise<void>
}

type Started = Partial<Omit<RunningEngines, 'rows' | 'engines'>> & { row: EngineRow; processes: Engine[] }

export async function startEngines(options: StartEnginesOptions): Promise<RunningEngines> {
  const home = resolve(options.home)
  await mkdir(home, { recursive: true })
  const ledger = new Ledger(home)
  await ledger.reap()
  const failure = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal
  const place: EngineHome = { home, ledger, signal }
  let java: Promise<JavaProgram> | undefined
  const findJavaOnce = () => {
    java ??= findJava(options.progress ?? (() => {}))
    return java
  }
  const which = options.which ?? ['postgres', 'redis', 'kafka', 'prometheus']
  const starting = which.map(async (name) => {
    try {
      const started = await starters[name](place, options, findJavaOnce)
      options.report?.(started.row)
      return started
    } catch (error) {
      // One that fails ends the waiting of all; the others are stopped below.
      failure.abort(error)
      throw error
    }
  })
  const settled = await Promise.allSettled(starting)
  const started = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = () => stopAll(started.flatMap(({ processes }) => processes))
  if (signal.aborted) {
    await stop()
    throw signal.reason
  }
  return collect(started, stop)
}

function collect(started: Started[], stop: () => Promise<void>): RunningEngines {
  const processes = started.flatMap((one) => one.processes)
  const engines: RunningEngines = {
    databaseReplicaUrls: [],
    kafkaBrokers: [],
    engines: processes.map(({ name, pid, url }) => ({ name, pid, url: withoutPassword(url) })),
    rows: started.map(({ row }) => row),
    [Symbol.asyncDispose]: stop,
    processes,
  }
  for (const { row: _row, processes: _processes, ...urls } of started) Object.assign(engines, urls)
  return engines
}

/** Replicas and brokers wait for nobody; the primary goes last, so that its replicas have all it wrote. */
async function stopAll(processes: Engine[]): Promise<void> {
  await Promise.all(processes.map((engine) => engine.process.stop()))
}

type Starter = (
  place: EngineHome,
  options: StartEnginesOptions,
  java: () => Promise<JavaProgram>,
) => Promise<Started>

const starters: Record<EngineName, Starter> = {
  postgres: async (place, options) => {
    const env = options.env ?? process.env
    if (env.DATABASE_URL) {
      const replicas = list(env.DATABASE_REPLICA_URLS)
      return {
        row: external('postgres', 'DATABASE_URL', env.DATABASE_URL),
        processes: [],
        databaseUrl: env.DATABASE_URL,
        databaseReplicaUrls: replicas.length > 0 ? replicas : [env.DATABASE_URL],
      }
    }
    const program = await findPostgres()
    const cluster = await startPostgres(place, program, {
      firstPort: options.ports.postgres,
      replicas: options.replicas ?? 2,
      maxConnections: options.maxConnections ?? 200,
    })
    return {
      row: local(
        'postgres',
        program,
        `${withoutPassword(cluster.primary.url)} + ${cluster.replicas.length} replicas`,
      ),
      processes: [...cluster.replicas, cluster.primary],
      postgres: cluster,
      databaseUrl: cluster.primary.url,
      databaseReplicaUrls: cluster.replicas.map(({ url }) => url),
    }
  },
  redis: async (place, options, java) => {
    const { REDIS_URL } = options.env ?? process.env
    if (REDIS_URL)
      return { row: external('redis', 'REDIS_URL', REDIS_URL), processes: [], redisUrl: REDIS_URL }
    const program = await findRedis(options.progress ?? (() => {}), java)
    const engine = await startRedis(place, program, options.ports.redis)
    return { row: local('redis', program, engine.url), processes: [engine], redisUrl: engine.url }
  },
  kafka: async (place, options, java) => {
    const { KAFKA_BROKERS } = options.env ?? process.env
    if (KAFKA_BROKERS)
      return {
        row: external('kafka', 'KAFKA_BROKERS', KAFKA_BROKERS),
        processes: [],
        kafkaBrokers: list(KAFKA_BROKERS),
      }
    const program = await findKafka(options.progress ?? (() => {}), java)
    const cluster = await startKafka(place, program, options.ports.kafka, options.brokers ?? 1)
    const origin = `${program.origin}, Java ${program.java.version} ${program.java.origin}`
    return {
      row: local('kafka', { ...program, origin }, cluster.addresses.join(',')),
      processes: cluster.brokers,
      kafkaBrokers: cluster.addresses,
    }
  },
  prometheus: async (place, options) => {
    const { PROMETHEUS_URL } = options.env ?? process.env
    if (PROMETHEUS_URL)
      return {
        row: external('prometheus', 'PROMETHEUS_URL', PROMETHEUS_URL),
        processes: [],
        prometheusUrl: PROMETHEUS_URL,
      }
    const program = await findPrometheus(options.progress ?? (() => {}))
    if ('missing' in program)
      return {
        row: { name: 'prometheus', version: '–', origin: `not here: ${program.missing}`, url: '–' },
        processes: [],
      }
    const engine = await startPrometheus(place, program, options.ports.prometheus, options.ruleFiles ?? [])
    return { row: local('prometheus', program, engine.url), processes: [engine], prometheusUrl: engine.url }
  },
}

function external(name: EngineName, variable: string, url: string): EngineRow {
  return { name, version: '–', origin: `from ${variable}`, url: withoutPassword(url) }
}

function local(name: EngineName, program: Program, url: string): EngineRow {
  return { name, version: program.version, origin: program.origin, url }
}

function list(value: string | undefined): string[] {
  return (value ?? '').split(',').filter((item) => item.trim() !== '')
}

export function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:/@]*):[^@]*@/, '$1@')
}

export { freePort, freePortBlock, isPortFree } from './ports.ts'
export { LocalFleetError }
