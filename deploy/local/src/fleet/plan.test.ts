import { expect, test } from 'vitest'
import { LocalFleetError } from '../problem.ts'
import { readStartOptions } from './options.ts'
import {
  type Addresses,
  planEnginePorts,
  planEnvironment,
  planInstances,
  planPorts,
  shownUrl,
} from './plan.ts'
import { requireFreePorts } from './port-check.ts'

const options = (...args: string[]) => readStartOptions(args, '/checkout', '/somewhere')
const addresses: Addresses = {
  databaseUrls: {
    shortener: 'postgres://s@h/db',
    analytics: 'postgres://a@h/db',
    'id-generator': 'postgres://i@h/db',
  },
  replicaUrls: { redirect: ['postgres://r@h:1/db', 'postgres://r@h:2/db'] },
  redisUrl: 'redis://h',
  kafkaBrokers: ['h:1', 'h:2'],
  prometheusUrl: undefined,
}

test('without options a fleet has the documented ports', () => {
  const instances = planInstances(options())
  expect(
    instances.map(({ name, httpPort, grpcPort, adminPort }) => [name, httpPort, grpcPort, adminPort]),
  ).toEqual([
    ['id-generator-1', undefined, 9084, 9184],
    ['shortener-1', 8081, 9081, 9181],
    ['redirect-1', 8080, undefined, 9180],
    ['analytics-1', 8082, 9082, 9182],
    ['console-1', 8083, undefined, 9183],
  ])
  expect(planEnginePorts(8080)).toEqual({ postgres: 15432, redis: 16379, kafka: 19092, prometheus: 9090 })
})

test('five instances of every service, three brokers and all engines share no port', () => {
  const all = ['id-generator', 'shortener', 'redirect', 'analytics', 'console']
    .map((name) => `${name}=5`)
    .join(',')
  const ports = planPorts(options('--scale', all, '--brokers', '3'), {}).map(({ port }) => port)
  expect(new Set(ports).size).toBe(ports.length)
  expect(ports).toHaveLength(5 * 12 + 3 + 1 + 6 + 1)
})

test('an engine that the environment names takes no port', () => {
  const env = { DATABASE_URL: 'x', REDIS_URL: 'x', KAFKA_BROKERS: 'x', PROMETHEUS_URL: 'x' }
  expect(planPorts(options(), env)).toHaveLength(12)
})

test('--host moves the public HTTP ports and nothing else', () => {
  const moved = planPorts(options('--host', '0.0.0.0'), {}).filter(({ host }) => host !== '127.0.0.1')
  expect(moved.map(({ port }) => port).toSorted()).toEqual([8080, 8081, 8082, 8083])
})

test('each instance is told of all instances it calls', () => {
  const start = options('--scale', 'shortener=2')
  const instances = planInstances(start)
  const redirect = instances.find(({ service }) => service === 'redirect')
  const environment = planEnvironment(redirect ?? (instances[0] as never), instances, start, addresses)
  expect(environment.SHORTENER_ADDRESSES).toBe('127.0.0.1:9081,127.0.0.1:9101')
  expect(environment.DATABASE_REPLICA_URLS).toBe('postgres://r@h:1/db,postgres://r@h:2/db')
  expect(environment.SPOOL_DIR).toBe('/checkout/.linkfleet/spool/redirect-1')
})

test('redirect is never told of the primary, nor the console of any engine but Prometheus', () => {
  const start = options()
  const instances = planInstances(start)
  const environmentOf = (service: string) =>
    planEnvironment(instances.find((one) => one.service === service) as never, instances, start, addresses)
  expect(environmentOf('redirect')).not.toHaveProperty('DATABASE_URL')
  for (const name of ['DATABASE_URL', 'DATABASE_REPLICA_URLS', 'REDIS_URL', 'KAFKA_BROKERS'])
    expect(environmentOf('console')).not.toHaveProperty(name)
})

test('a home is taken from where the command was given, the default one from the checkout', () => {
  expect(options().home).toBe('/checkout/.linkfleet')
  expect(options('--home', 'mine').home).toBe('/somewhere/mine')
})

test('short URLs show the port base unless --public-url says otherwise', () => {
  expect(options('--port-base', '9000').publicUrl).toBe('http://localhost:9000')
  expect(options('--public-url', 'https://go.example/').publicUrl).toBe('https://go.example')
})

test('what a person is shown is where --host listens, and localhost where that means the same', () => {
  expect(options('--host', '0.0.0.0').publicUrl).toBe('http://localhost:8080')
  expect(options('--host', '192.0.2.1').publicUrl).toBe('http://192.0.2.1:8080')
  expect(shownUrl('[::1]', 8083)).toBe('http://[::1]:8083')
})

test('a --host of another machine is refused in one sentence', async () => {
  const refused = requireFreePorts(options('--host', '192.0.2.1', '--port-base', '21000'), {})
  await expect(refused).rejects.toThrow('--host 192.0.2.1 is no address of this machine.')
})

test.each([
  [['--port-base', '80'], '--port-base'],
  [['--port-base', 'x'], '--port-base'],
  [['--port-base', '60000'], '--port-base'],
  [['--brokers', '2'], '--brokers'],
  [['--scale', 'redirect=6'], '--scale redirect'],
  [['--scale', 'redirect'], '--scale'],
  [['--scale', 'gateway=2'], '--scale'],
  [['--public-url', 'go.example'], '--public-url'],
  [['--public-url', 'ftp://go.example'], '--public-url'],
  [['--colour'], '--colour'],
  [['start'], 'start'],
])('%j is refused in one sentence that names it', (args, named) => {
  const refusal = () => options(...args)
  expect(refusal).toThrow(LocalFleetError)
  expect(refusal).toThrow(named)
})
