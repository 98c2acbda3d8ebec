/**
 * All engines of one machine, started side by side. Ready means that each answered a real query. What the
 * environment names is used as it is and never started or stopped.
 */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type EngineName,
  type EnginePorts,
  type EngineRow,
  type EngineUrls,
  type StartedEngine,
  starters,
  withoutPassword,
} from './engine-starters.ts'
import type { Engine, EngineHome } from './engines/engine.ts'
import type { PostgresCluster } from './engines/postgres.ts'
import { Ledger } from './ledger.ts'
import { freePortBlock } from './ports.ts'
import { findJava, type JavaProgram } from './programs/java.ts'
import type { Progress } from './programs/program.ts'

export type StartEnginesOptions = {
  home: string
  /** The first port of each: Postgres takes one per member, Kafka two per broker. */
  ports: EnginePorts | 'free'
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
  /** Told in sentences of what takes long. */
  log?: (sentence: string) => void
  /** The list of started processes, when the caller already keeps one for this home. */
  ledger?: Ledger
  signal?: AbortSignal
}

/** An address of an engine that was not asked for throws when it is read. */
export type RunningEngines = Readonly<Omit<EngineUrls, 'prometheusUrl'>> & {
  readonly prometheusUrl: string | undefined
  readonly engines: { name: string; pid: number; url: string }[]
  readonly rows: EngineRow[]
  /** The processes themselves, for whoever watches them. */
  readonly processes: Engine[]
  readonly postgres: PostgresCluster | undefined
  [Symbol.asyncDispose](): Promise<void>
}

const PORTS_OF_ENGINES = 16

export async function startEngines(options: StartEnginesOptions): Promise<RunningEngines> {
  const home = resolve(options.home)
  await mkdir(home, { recursive: true })
  const ledger = options.ledger ?? new Ledger(home)
  if (!options.ledger) await ledger.reap()
  const failure = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal
  const place: EngineHome = { home, ledger, signal }
  const progress: Progress = (fetch) => {
    options.log?.(`Fetching ${fetch.engine} once (${Math.ceil(fetch.bytesTotal / 1e6)} MB)…`)
    options.progress?.(fetch)
  }
  let java: Promise<JavaProgram> | undefined
  const starterOptions = {
    ports: options.ports === 'free' ? await freeEnginePorts() : options.ports,
    brokers: options.brokers ?? 1,
    replicas: options.replicas ?? 2,
    maxConnections: options.maxConnections ?? 200,
    ruleFiles: options.ruleFiles ?? [],
    env: options.env ?? process.env,
    progress,
    findJava: () => {
      java ??= findJava({ progress, signal })
      return java
    },
  }
  const which = options.which ?? ['postgres', 'redis', 'kafka', 'prometheus']
  const starting = which.map(async (name) => {
    try {
      const started = await starters[name](place, starterOptions)
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
  if (signal.aborted) {
    await stopAll(started.flatMap(({ processes }) => processes))
    throw signal.reason
  }
  return collect(started)
}

function collect(started: StartedEngine[]): RunningEngines {
  const processes = started.flatMap((one) => one.processes)
  const urls: Partial<EngineUrls> = Object.assign({}, ...started)
  const needed = <K extends keyof EngineUrls>(name: K): EngineUrls[K] => {
    const url = urls[name]
    if (url === undefined) throw new Error(`${name} was asked for, but its engine was not started`)
    return url
  }
  return {
    get databaseUrl() {
      return needed('databaseUrl')
    },
    get redisUrl() {
      return needed('redisUrl')
    },
    databaseReplicaUrls: urls.databaseReplicaUrls ?? [],
    kafkaBrokers: urls.kafkaBrokers ?? [],
    prometheusUrl: urls.prometheusUrl,
    engines: processes.map(({ name, pid, url }) => ({ name, pid, url: withoutPassword(url) })),
    rows: started.map(({ row }) => row),
    processes,
    postgres: started.find(({ postgres }) => postgres)?.postgres,
    [Symbol.asyncDispose]: () => stopAll(processes),
  }
}

async function stopAll(processes: Engine[]): Promise<void> {
  await Promise.all(processes.map((engine) => engine.process.stop()))
}

async function freeEnginePorts(): Promise<EnginePorts> {
  const first = await freePortBlock(PORTS_OF_ENGINES)
  return { postgres: first, redis: first + 6, prometheus: first + 7, kafka: first + 8 }
}

export type { EngineName, EnginePorts, EngineRow } from './engine-starters.ts'
export { freePort, freePortBlock, isPortFree } from './ports.ts'
export { LocalFleetError } from './problem.ts'
