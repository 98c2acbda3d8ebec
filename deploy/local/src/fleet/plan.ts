/**
 * Which processes a fleet on one machine has: their ports and their environment. Pure: options and addresses in,
 * a list out.
 */
import { join } from 'node:path'
import type { EnginePorts } from '../engine-starters.ts'
import type { FleetOptions } from './options.ts'

export const serviceNames = ['id-generator', 'shortener', 'redirect', 'analytics', 'console'] as const
export type ServiceName = (typeof serviceNames)[number]

export type Instance = {
  service: ServiceName
  /** `redirect-1`: the name in logs, metrics and file names. */
  name: string
  number: number
  httpPort?: number
  grpcPort?: number
  adminPort: number
}

/** Ports as distances from the port base; each further instance is 20 higher. */
const portDistances: Record<ServiceName, { http?: number; grpc?: number; admin: number }> = {
  redirect: { http: 0, admin: 1_100 },
  shortener: { http: 1, grpc: 1_001, admin: 1_101 },
  analytics: { http: 2, grpc: 1_002, admin: 1_102 },
  console: { http: 3, admin: 1_103 },
  'id-generator': { grpc: 1_004, admin: 1_104 },
}
const instanceDistance = 20
const engineDistances: EnginePorts = { prometheus: 1_010, postgres: 7_352, redis: 8_299, kafka: 11_012 }
const postgresMembers = 3

export function planEnginePorts(portBase: number): EnginePorts {
  return {
    postgres: portBase + engineDistances.postgres,
    redis: portBase + engineDistances.redis,
    kafka: portBase + engineDistances.kafka,
    prometheus: portBase + engineDistances.prometheus,
  }
}

export function planInstances({ portBase, scale }: Pick<FleetOptions, 'portBase' | 'scale'>): Instance[] {
  return serviceNames.flatMap((service) =>
    Array.from({ length: scale[service] ?? 1 }, (_, index) => {
      const first = portBase + index * instanceDistance
      const { http, grpc, admin } = portDistances[service]
      return {
        service,
        name: `${service}-${index + 1}`,
        number: index + 1,
        ...(http === undefined ? {} : { httpPort: first + http }),
        ...(grpc === undefined ? {} : { grpcPort: first + grpc }),
        adminPort: first + admin,
      }
    }),
  )
}

/** Every port the fleet will listen on, with the host it listens on. */
export function planPorts(options: FleetOptions, env: NodeJS.ProcessEnv): { port: number; host: string }[] {
  const loopback = '127.0.0.1'
  const services = planInstances(options).flatMap(({ httpPort, grpcPort, adminPort }) => [
    ...(httpPort === undefined ? [] : [{ port: httpPort, host: options.host }]),
    ...(grpcPort === undefined ? [] : [{ port: grpcPort, host: loopback }]),
    { port: adminPort, host: loopback },
  ])
  const ports = planEnginePorts(options.portBase)
  const row = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n)
  const engines = [
    ...(env.DATABASE_URL ? [] : row(ports.postgres, postgresMembers)),
    ...(env.REDIS_URL ? [] : [ports.redis]),
    ...(env.KAFKA_BROKERS ? [] : row(ports.kafka, options.brokers * 2)),
    ...(env.PROMETHEUS_URL ? [] : [ports.prometheus]),
  ]
  return [...services, ...engines.map((port) => ({ port, host: loopback }))]
}

export type Addresses = {
  /** Per service, since each has a user of its own on Postgres. */
  databaseUrls: Partial<Record<ServiceName, string>>
  replicaUrls: Partial<Record<ServiceName, string[]>>
  redisUrl: string
  kafkaBrokers: string[]
  prometheusUrl: string | undefined
}

/** The environment of one instance, without what it inherits. */
export function planEnvironment(
  instance: Instance,
  instances: Instance[],
  options: FleetOptions,
  addresses: Addresses,
): Record<string, string> {
  const { service } = instance
  const loopback = '127.0.0.1'
  const of = (name: ServiceName) => instances.filter((one) => one.service === name)
  const grpc = (name: ServiceName) =>
    of(name)
      .map(({ grpcPort }) => `${loopback}:${grpcPort}`)
      .join(',')
  const http = (name: ServiceName) =>
    of(name)
      .map(({ httpPort }) => httpUrl(options.host, httpPort ?? 0))
      .join(',')
  const common = {
    INSTANCE: instance.name,
    ADMIN_HOST: loopback,
    ADMIN_PORT: String(instance.adminPort),
    SUPERVISOR_FD: '3',
    PUBLIC_URL: options.publicUrl,
    ...(instance.httpPort === undefined
      ? {}
      : { HTTP_HOST: options.host, HTTP_PORT: String(instance.httpPort) }),
    ...(instance.grpcPort === undefined ? {} : { GRPC_HOST: loopback, GRPC_PORT: String(instance.grpcPort) }),
  }
  const database = { DATABASE_URL: addresses.databaseUrls[service] ?? '' }
  const replicas = { DATABASE_REPLICA_URLS: (addresses.replicaUrls[service] ?? []).join(',') }
  const kafka = { KAFKA_BROKERS: addresses.kafkaBrokers.join(',') }
  const redis = { REDIS_URL: addresses.redisUrl }
  const own: Record<ServiceName, () => Record<string, string>> = {
    'id-generator': () => ({ ...database, ...replicas }),
    shortener: () => ({
      ...database,
      ...redis,
      ...kafka,
      ID_GENERATOR_ADDRESSES: grpc('id-generator'),
      ANALYTICS_ADDRESSES: grpc('analytics'),
      CONSOLE_URL: shownUrl(options.host, of('console')[0]?.httpPort ?? 0),
      ADMIN_KEY_FILE: adminKeyFile(options.home),
      ANONYMOUS_LOOPBACK: 'true',
    }),
    redirect: () => ({
      ...replicas,
      ...redis,
      ...kafka,
      SHORTENER_ADDRESSES: grpc('shortener'),
      ANALYTICS_ADDRESSES: grpc('analytics'),
      SPOOL_DIR: join(options.home, 'spool', instance.name),
    }),
    analytics: () => ({
      ...database,
      ...replicas,
      ...kafka,
      SHORTENER_ADDRESSES: grpc('shortener'),
      ANONYMOUS_LOOPBACK: 'true',
    }),
    console: () => ({
      SHORTENER_URLS: http('shortener'),
      ANALYTICS_URLS: http('analytics'),
      PROMETHEUS_URL: addresses.prometheusUrl ?? '',
      PROBE_URLS: http('redirect'),
      FLEET_ADMIN_URLS: instances
        .map(({ service: name, adminPort }) => `${name}=http://${loopback}:${adminPort}`)
        .join(','),
    }),
  }
  return { ...common, ...own[service]() }
}

export function adminKeyFile(home: string): string {
  return join(home, 'admin.key')
}

/** How something on this machine reaches a port that listens on `host`. */
export function httpUrl(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '')
  const reachable = bare === '0.0.0.0' || bare === '::' ? '127.0.0.1' : bare
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** The same for a person to read: localhost wherever that is one of the addresses it means. */
export function shownUrl(host: string, port: number): string {
  return httpUrl(/^(127\.0\.0\.1|0\.0\.0\.0|::|\[::\])$/.test(host) ? 'localhost' : host, port)
}

/** May anybody on another machine reach what listens there? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
