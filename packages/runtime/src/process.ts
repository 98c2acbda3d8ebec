/**
 * How a process lives: read the configuration, open the admin port, start, serve, drain, end. A service's main.ts
 * is one call of `runService`.
 */
import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { startAdminServer } from './admin.ts'
import { ConfigError, type ConfigOf, type commonOptions, readConfig } from './config.ts'
import { finalCounters } from './final-counters.ts'
import { Health } from './health.ts'
import { createLogger, type Logger } from './log.ts'
import { Metrics } from './metrics.ts'
import { tellOfProcess } from './process-metrics.ts'
import { keepTickShape } from './tick-shape.ts'
import { startTracing } from './tracing/tracing.ts'

export interface ServiceContext {
  readonly log: Logger
  readonly metrics: Metrics
  readonly health: Health
  /** Aborts when the process begins to drain. */
  readonly signal: AbortSignal
}

type CommonConfig = ConfigOf<typeof commonOptions>

export interface ServiceDefinition<D extends typeof commonOptions> {
  readonly name: string
  readonly config: D
  readonly start: (config: ConfigOf<D>, context: ServiceContext) => Promise<AsyncDisposable>
}

/** Exit statuses of every service. */
const exitStatus = { clean: 0, failed: 1, badConfiguration: 78, drainTimedOut: 3 } as const

function readConfigOrExit<D extends typeof commonOptions>(definition: ServiceDefinition<D>): ConfigOf<D> {
  try {
    return readConfig(definition.config, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${definition.name}: ${error.message}\n`)
    process.exit(exitStatus.badConfiguration)
  }
}

/** Resolves with the reason once the process is told to stop: by a signal, or by its supervisor going away. */
function untilToldToStop(supervisorFd: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  process.once('SIGTERM', () => resolve('SIGTERM'))
  process.once('SIGINT', () => resolve('SIGINT'))
  if (supervisorFd >= 0) {
    // A socket and no file stream: a file's blocking read would hold a pool thread, and with it the process's exit.
    const pipe = new Socket({ fd: supervisorFd, readable: true, writable: false })
    pipe.once('close', () => resolve('the supervisor is gone'))
    pipe.on('error', () => resolve('the supervisor is gone'))
    pipe.resume()
  }
  return promise
}

/** Runs a service until it is told to stop, then drains it within its bound and ends the process. */
export async function runService<D extends typeof commonOptions>(
  definition: ServiceDefinition<D>,
): Promise<never> {
  keepTickShape()
  const config = readConfigOrExit(definition)
  const common: CommonConfig = config as unknown as CommonConfig
  const log = createLogger(definition.name, common.instance, common.logLevel)
  const metrics = new Metrics(definition.name)
  metrics.collectProcessMetrics()
  const health = new Health()
  tellOfProcess(metrics, health)
  const draining = new AbortController()
  process.on('unhandledRejection', (cause) => endOnDefect(log, 'unhandled rejection', cause))
  process.on('uncaughtException', (cause) => endOnDefect(log, 'uncaught exception', cause))
  const toldToStop = untilToldToStop(common.supervisorFd)

  let service: AsyncDisposable
  const tracing = await startTracing(definition.name, common.instance).catch(failStart)
  const admin = await startAdminServer({
    host: common.adminHost,
    port: common.adminPort,
    health,
    metrics,
  }).catch(failStart)
  try {
    service = await definition.start(config, { log, metrics, health, signal: draining.signal })
  } catch (cause) {
    return failStart(cause)
  }
  // What Node keeps compiled of the modules that were loaded stays in memory until it is written.
  flushCompileCache()
  log.info({ admin: admin.url, startedInMs: Math.round(performance.now()) }, 'started')

  const reason = await toldToStop
  health.setDraining()
  draining.abort()
  log.info({ reason }, 'draining')
  setTimeout(() => {
    log.error({ drainTimeoutMs: common.drainTimeoutMs }, 'draining took too long')
    process.exit(exitStatus.drainTimedOut)
  }, common.drainTimeoutMs).unref()
  await service[Symbol.asyncDispose]()
  await tracing[Symbol.asyncDispose]()
  log.info({ counters: await finalCounters(metrics) }, 'final counters')
  log.info('stopped')
  process.exit(exitStatus.clean)

  function failStart(cause: unknown): never {
    log.fatal({ err: cause }, 'could not start')
    process.exit(exitStatus.failed)
  }
}

/** A defect leaves the process in a state that nobody designed: it says so and ends; the supervisor restarts it. */
function endOnDefect(log: Logger, kind: string, cause: unknown): never {
  log.fatal({ err: cause }, kind)
  process.exit(exitStatus.failed)
}
