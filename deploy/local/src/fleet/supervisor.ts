/**
 * A fleet on one machine from the first engine to the last service, and back. It reads straight down; whatever was
 * started is stopped in reverse: services drain while the engines still answer.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { logFileOf } from '../engines/engine.ts'
import { writePrometheusTargets } from '../engines/prometheus.ts'
import { type EngineRow, type RunningEngines, startEngines } from '../engines.ts'
import { Ledger } from '../ledger.ts'
import { explainProblem } from '../problem.ts'
import { identifyProcess } from '../process-identity.ts'
import type { Progress } from '../programs/program.ts'
import { ensureAdminKey, makeLoginToken } from './admin-key.ts'
import { CpuShares } from './cpu-shares.ts'
import { prepareDatabase } from './database-access.ts'
import { watchEngines } from './engine-watch.ts'
import { lockHome } from './home-lock.ts'
import { nodeEnvironmentOf, nodeFlagsOf } from './node-settings.ts'
import type { FleetOptions } from './options.ts'
import {
  type Addresses,
  httpUrl,
  type Instance,
  planEnginePorts,
  planEnvironment,
  planInstances,
  type ServiceName,
  shownUrl,
} from './plan.ts'
import { requireFreePorts } from './port-check.ts'
import { removeRunFile, writeRunFile } from './run-file.ts'
import { type ServiceCommand, ServiceProcess } from './service-process.ts'
import { preparePrograms } from './service-program.ts'

const READY_TIMEOUT_MS = 180_000
/** Who may drain together; each group waits for the one before it. */
const stopOrder: ServiceName[][] = [['console', 'redirect'], ['shortener', 'analytics'], ['id-generator']]

export type Telling = {
  say(sentence: string): void
  engineReady(row: EngineRow): void
  fetching: Progress
}

export type Fleet = {
  instances: Instance[]
  rows: EngineRow[]
  loginUrl: string
  adminKey: string
  [Symbol.asyncDispose](): Promise<void>
}

export async function superviseFleet(
  checkout: string,
  options: FleetOptions,
  telling: Telling,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Fleet> {
  const { home } = options
  await using resources = new AsyncDisposableStack()
  resources.use(lockHome(home))
  mkdirSync(join(home, 'logs'), { recursive: true })
  const ledger = new Ledger(home)
  const reaped = await ledger.reap()
  if (reaped.length > 0) telling.say(`Ended what an earlier start had left running: ${reaped.join(', ')}.`)
  await requireFreePorts(options, env)

  const adminKey = await ensureAdminKey(home)
  // What does not go into a bundle ends the wait for the engines; and a fleet that does not come up leaves no bundler behind.
  const givenUp = new AbortController()
  const startSignal = AbortSignal.any([signal, givenUp.signal])
  const preparing = preparePrograms({ checkout, home, signal: startSignal })
  const prepared = preparing.catch((cause) => givenUp.abort(cause))
  resources.defer(async () => {
    givenUp.abort()
    await prepared
  })
  const engines = resources.use(await openEngines(checkout, options, telling, ledger, startSignal, env))
  const database = await prepareDatabase(engines, () => {})
  const programs = await preparing
  const { redisUrl, kafkaBrokers, prometheusUrl } = engines
  const addresses: Addresses = { ...database, redisUrl, kafkaBrokers, prometheusUrl }

  const instances = planInstances(options)
  resources.defer(() => removeRunFile(home))
  const shares = new CpuShares()
  const changed = () => {
    const run = describeRun(options, instances, services, engines)
    shares.give([...run.services, ...run.engines])
    try {
      writeRunFile(home, run)
    } catch (error) {
      telling.say(`run.json could not be written: ${explainProblem(error)}`)
    }
  }
  const events = { changed, say: telling.say }
  const services: ServiceProcess[] = instances.map((instance) => {
    const own = planEnvironment(instance, instances, options, addresses)
    return new ServiceProcess(commandOf({ checkout, instance, programs, own, home, env }), ledger, events)
  })
  resources.defer(() => stopServices(instances, services))
  if (prometheusUrl) await writePrometheusTargets(home, instances.map(targetOf))
  for (const service of services) service.start()
  resources.use(watchEngines(engines, { changed, say: telling.say }))
  await untilAllReady(services, signal)
  const loginUrl = await firstLogin(options, instances, adminKey, signal)
  const started = resources.move()
  return {
    instances,
    rows: engines.rows,
    loginUrl,
    adminKey,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function openEngines(
  checkout: string,
  options: FleetOptions,
  telling: Telling,
  ledger: Ledger,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv,
): Promise<RunningEngines> {
  return startEngines({
    home: options.home,
    ports: planEnginePorts(options.portBase),
    brokers: options.brokers,
    ruleFiles: [join(checkout, 'deploy/prometheus/rules/*.yml')],
    env,
    progress: telling.fetching,
    report: telling.engineReady,
    ledger,
    signal,
  })
}

interface CommandParts {
  readonly checkout: string
  readonly instance: Instance
  readonly programs: Readonly<Record<ServiceName, string>>
  readonly own: Readonly<Record<string, string>>
  readonly home: string
  readonly env: NodeJS.ProcessEnv
}

function commandOf({ checkout, instance, programs, own, home, env }: CommandParts): ServiceCommand {
  const { name, service, adminPort } = instance
  // What the user set for a service is passed on; where engines are is ours to say, per service.
  const { DATABASE_URL: _1, DATABASE_REPLICA_URLS: _2, REDIS_URL: _3, LAUNCHER_FD: _4, ...inherited } = env
  const defined = Object.entries(inherited).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return {
    name,
    program: process.execPath,
    args: [...nodeFlagsOf(service), programs[service]],
    cwd: checkout,
    env: { ...nodeEnvironmentOf(service, checkout), ...Object.fromEntries(defined), ...own },
    logFile: logFileOf(home, name),
    readyUrl: `http://127.0.0.1:${adminPort}/readyz`,
  }
}

function targetOf({ adminPort, service, name }: Instance) {
  return { address: `127.0.0.1:${adminPort}`, service, instance: name }
}

/** All must come up; the first that cannot ends the waiting for the others. */
async function untilAllReady(services: ServiceProcess[], signal: AbortSignal): Promise<void> {
  const failure = new AbortController()
  const either = AbortSignal.any([signal, failure.signal])
  try {
    await Promise.all(services.map((service) => service.untilReady(READY_TIMEOUT_MS, either)))
  } finally {
    failure.abort()
  }
}

async function stopServices(instances: Instance[], services: ServiceProcess[]): Promise<void> {
  for (const group of stopOrder) {
    const members = services.filter((_, index) => group.includes(instances[index]?.service as ServiceName))
    await Promise.all(members.map((service) => service.stop()))
  }
}

async function firstLogin(
  options: FleetOptions,
  instances: Instance[],
  adminKey: string,
  signal: AbortSignal,
): Promise<string> {
  const port = (name: ServiceName) => instances.find(({ service }) => service === name)?.httpPort ?? 0
  const token = await makeLoginToken(httpUrl(options.host, port('shortener')), adminKey, signal)
  return `${shownUrl(options.host, port('console'))}/login?token=${encodeURIComponent(token)}`
}

function describeRun(
  options: FleetOptions,
  instances: Instance[],
  services: ServiceProcess[],
  engines: RunningEngines,
) {
  return {
    services: instances.flatMap((instance, index) => {
      const pid = services[index]?.pid
      if (pid === undefined) return []
      const { service, number, httpPort, grpcPort, adminPort } = instance
      return [
        {
          name: service,
          instance: `${service}-${number}`,
          pid,
          ...(httpPort === undefined ? {} : { url: httpUrl(options.host, httpPort) }),
          ...(grpcPort === undefined ? {} : { grpc: `127.0.0.1:${grpcPort}` }),
          admin: `http://127.0.0.1:${adminPort}`,
        },
      ]
    }),
    engines: engines.processes
      .filter(({ process }) => process.isRunning())
      .map(({ name, pid, url }) => ({ name, pid, url: url.replace(/:[^:/@]+@/, '@') })),
    supervisor: identifyProcess(process.pid),
    publicUrl: options.publicUrl,
  }
}
