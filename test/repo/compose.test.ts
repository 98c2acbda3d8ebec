/** docker-compose.yml and the Dockerfile, read as data: no Docker is needed to see that they fit the services. */
import { existsSync } from 'node:fs'
import { bundleFolderOf, isBundled } from '@linkfleet/bundle/programs'
import { nodeEnvironmentOf, nodeFlagsOf } from '@linkfleet/local/fleet/node-settings'
import type { ServiceName } from '@linkfleet/local/fleet/plan'
import { images } from '@linkfleet/testkit/containers'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readText, root } from './files.ts'
import { optionsOf, services } from './reference.ts'

interface ComposeService {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly secrets?: readonly string[]
  readonly read_only?: boolean
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
}

const text = readText('docker-compose.yml')
const compose = parse(text, { merge: true }) as Compose
const all = Object.entries(compose.services)

const ofTraces = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG']

test('the console asks every service for its health', () => {
  const urls = String(compose.services.console?.environment?.FLEET_ADMIN_URLS).split(',')
  expect(urls.map((url) => url.split('=')[0]).sort()).toEqual([...services].sort())
  for (const url of urls) {
    const [name = '', address = ''] = url.split('=')
    expect(address).toBe(`http://${name}:${compose.services[name]?.environment?.ADMIN_PORT}`)
  }
})

test('the image makes the bundles that commands name before it takes the checkout over', () => {
  const [build = ''] = readText('deploy/docker/Dockerfile').split(/^FROM .+\}$/m)
  expect(build).toMatch(/^RUN pnpm install .*--filter "\.\/deploy\/bundle"/m)
  expect(build).toMatch(/^RUN node deploy\/bundle\/src\/main\.ts$/m)
})

describe.each(services)('%s', (name) => {
  const service = compose.services[name]

  test('runs from the one image', () => {
    expect(service?.build?.dockerfile).toBe('deploy/docker/Dockerfile')
    // As on one machine: the same flags of V8, and what glibc is told.
    const flags = nodeFlagsOf(name as ServiceName).filter((flag) => !flag.startsWith('--disable-warning'))
    const program = isBundled(name) ? `${bundleFolderOf(name)}/main.mjs` : `services/${name}/src/main.ts`
    expect(service?.command).toEqual([...flags, program])
    expect(existsSync(`${root}services/${name}/src/main.ts`)).toBe(true)
  })

  test('is given every variable it requires, and none it does not know', async () => {
    const options = await optionsOf(name)
    const given = Object.keys(service?.environment ?? {})
    const required = options.filter((option) => option.defaultValue === undefined).map((option) => option.env)
    expect(required.filter((env) => !given.includes(env))).toEqual([])
    // The address of short URLs and of the console are told to all; a service that has no use for one ignores it.
    const common = ['PUBLIC_URL', 'CONSOLE_URL', 'HTTP_HOST', 'GRPC_HOST']
    const ofNode = Object.keys(nodeEnvironmentOf(name as ServiceName, root))
    const known = [...options.map((option) => option.env), ...common, ...ofNode, ...ofTraces]
    expect(given.filter((env) => !known.includes(env))).toEqual([])
  })

  test('sends traces where .env says, and none where it says nothing', () => {
    for (const env of ofTraces) expect(service?.environment?.[env]).toBe(`\${${env}:-}`)
  })

  test('is judged healthy by its own readiness, after the migration', () => {
    expect(service?.healthcheck?.test.at(-1)).toContain('/readyz')
    expect(service?.environment?.ADMIN_PORT).toBeTypeOf('number')
    if (name !== 'console') {
      expect(service?.depends_on?.migrate?.condition).toBe('service_completed_successfully')
    }
  })
})

test('only public HTTP ports are published', () => {
  const published = all.flatMap(([name, service]) => (service.ports ?? []).map((port) => `${name} ${port}`))
  expect(published.map((port) => port.replaceAll(/\$\{\w+:-(\d+)\}/g, '$1')).sort()).toEqual([
    'analytics 8082:8082',
    'console 8083:8083',
    'redirect 8080:8080',
    'shortener 8081:8081',
  ])
})

test('engines stay on the private network', () => {
  expect(compose.networks.private?.internal).toBe(true)
  for (const [name, service] of all) {
    const isPublic = service.networks?.includes('public') ?? true
    expect(isPublic, name).toBe(service.ports !== undefined)
  }
})

test('there are a primary, two replicas, Redis, Kafka, Prometheus and a migration', () => {
  const engines = [
    'postgres-primary',
    'postgres-replica-1',
    'postgres-replica-2',
    'redis',
    'kafka',
    'prometheus',
    'migrate',
  ]
  expect(all.map(([name]) => name).sort()).toEqual([...engines, ...services].sort())
  for (const [name, service] of all.filter(([name]) => name !== 'migrate')) {
    expect(service.healthcheck, name).toBeDefined()
  }
})

test('images have a version of their own', () => {
  for (const [name, { image }] of all)
    expect(image, name).toMatch(/:(\$\{LINKFLEET_VERSION:-dev\}|v?\d[\w.-]*)$/)
})

test('tests in containers use the images of the deployment', () => {
  const deployed = all.map(([, { image }]) => image)
  for (const image of Object.values(images)) expect(deployed).toContain(image)
})

test('a service that is given a secret of the environment can be written to: Compose copies it into the container', () => {
  for (const [name, service] of all) {
    const copied = (service.secrets ?? []).some(
      (secret) => compose.secrets[secret]?.environment !== undefined,
    )
    if (copied) expect(service.read_only ?? false, name).toBe(false)
  }
})

test('every file that is mounted exists, and every volume and secret is declared', () => {
  for (const [name, service] of all) {
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':')
      if (source.startsWith('./')) expect(existsSync(root + source), `${name} ${source}`).toBe(true)
      else expect(Object.keys(compose.volumes), name).toContain(source)
    }
    for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets), name).toContain(secret)
  }
})

test('Grafana, where it is wanted, gets its dashboards, joins the networks and has a version of its own', () => {
  const { services: added, volumes } = parse(readText('deploy/grafana/docker-compose.yml')) as Compose
  const grafana = added.grafana
  expect(Object.keys(added)).toEqual(['grafana'])
  expect(grafana?.image).toMatch(/:\d+\.\d+\.\d+$/)
  expect(grafana?.environment?.PROMETHEUS_URL).toBe('http://prometheus:9090')
  expect(grafana?.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:\$\{GRAFANA_PORT:-3000\}:3000$/)])
  for (const network of grafana?.networks ?? []) expect(Object.keys(compose.networks)).toContain(network)
  for (const volume of grafana?.volumes ?? []) {
    const [source = ''] = volume.split(':')
    if (source.startsWith('./')) expect(existsSync(root + source), source).toBe(true)
    else expect(Object.keys(volumes)).toContain(source)
  }
})

test('.env.example holds every variable of the file, and secrets have no default', () => {
  const used = [...text.matchAll(/\$\{(\w+)(:[?-])?/g)].map((match) => ({
    name: match[1] ?? '',
    kind: match[2],
  }))
  const secrets = Object.values(compose.secrets).map(({ environment }) => environment)
  const example = new Map(
    readText('.env.example')
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const internal = ['LINKFLEET_VERSION', 'KAFKA_CLUSTER_ID']
  const names = new Set(
    [...used.map(({ name }) => name), ...secrets].filter((name) => !internal.includes(name)),
  )
  expect([...example.keys()].sort()).toEqual([...names].sort())
  for (const { name, kind } of used.filter((one) => /PASSWORD|KEY$/.test(one.name))) {
    expect(kind, name).toBe(':?')
    expect(example.get(name), name).toBe('')
  }
})

test('Prometheus is told of every service at its admin port', () => {
  const targets = JSON.parse(readText('deploy/docker/prometheus-targets.json')) as { targets: string[] }[]
  const expected = services.map((name) => `${name}:${compose.services[name]?.environment?.ADMIN_PORT}`)
  expect(targets.flatMap((group) => group.targets).sort()).toEqual(expected.sort())
})
