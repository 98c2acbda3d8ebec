/** How each engine is found and started, or taken from the environment as it is. */
import type { Engine, EngineHome } from './engines/engine.ts'
import { startKafka } from './engines/kafka.ts'
import { type PostgresCluster, startPostgres } from './engines/postgres.ts'
import { startPrometheus } from './engines/prometheus.ts'
import { startRedis } from './engines/redis.ts'
import type { JavaProgram } from './programs/java.ts'
import { findKafka } from './programs/kafka.ts'
import { findPostgres } from './programs/postgres.ts'
import type { Program, Progress } from './programs/program.ts'
import { findPrometheus } from './programs/prometheus.ts'
import { findRedis } from './programs/redis.ts'

export type EngineName = 'postgres' | 'redis' | 'kafka' | 'prometheus'
export type EnginePorts = Record<EngineName, number>
export type EngineRow = { name: EngineName; version: string; origin: string; url: string }

export type EngineUrls = {
  databaseUrl: string
  databaseReplicaUrls: string[]
  redisUrl: string
  kafkaBrokers: string[]
  prometheusUrl: string
}

export type StartedEngine = Partial<EngineUrls> & {
  row: EngineRow
  processes: Engine[]
  postgres?: PostgresCluster
}

export type StarterOptions = {
  ports: EnginePorts
  brokers: 1 | 3
  replicas: number
  maxConnections: number
  ruleFiles: string[]
  env: NodeJS.ProcessEnv
  progress: Progress
  findJava: () => Promise<JavaProgram>
}

type Starter = (place: EngineHome, options: StarterOptions) => Promise<StartedEngine>

export const starters: Record<EngineName, Starter> = {
  postgres: async (place, options) => {
    const env = options.env
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
      replicas: options.replicas,
      maxConnections: options.maxConnections,
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
  redis: async (place, options) => {
    const { REDIS_URL } = options.env
    if (REDIS_URL)
      return { row: external('redis', 'REDIS_URL', REDIS_URL), processes: [], redisUrl: REDIS_URL }
    const program = await findRedis({ progress: options.progress, signal: place.signal }, options.findJava)
    const engine = await startRedis(place, program, options.ports.redis)
    return { row: local('redis', program, engine.url), processes: [engine], redisUrl: engine.url }
  },
  kafka: async (place, options) => {
    const { KAFKA_BROKERS } = options.env
    if (KAFKA_BROKERS)
      return {
        row: external('kafka', 'KAFKA_BROKERS', KAFKA_BROKERS),
        processes: [],
        kafkaBrokers: list(KAFKA_BROKERS),
      }
    const program = await findKafka({ progress: options.progress, signal: place.signal }, options.findJava)
    const cluster = await startKafka(place, program, options.ports.kafka, options.brokers)
    const origin = `${program.origin}, Java ${program.java.version} ${program.java.origin}`
    return {
      row: local('kafka', { ...program, origin }, cluster.addresses.join(',')),
      processes: cluster.brokers,
      kafkaBrokers: cluster.addresses,
    }
  },
  prometheus: async (place, options) => {
    const { PROMETHEUS_URL } = options.env
    if (PROMETHEUS_URL)
      return {
        row: external('prometheus', 'PROMETHEUS_URL', PROMETHEUS_URL),
        processes: [],
        prometheusUrl: PROMETHEUS_URL,
      }
    const program = await findPrometheus({ progress: options.progress, signal: place.signal })
    if ('missing' in program)
      return {
        row: { name: 'prometheus', version: '–', origin: `not here: ${program.missing}`, url: '–' },
        processes: [],
      }
    const engine = await startPrometheus(place, program, options.ports.prometheus, options.ruleFiles)
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
