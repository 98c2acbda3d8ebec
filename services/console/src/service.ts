import fastifyCookie from '@fastify/cookie'
import { createHttpServer, listen } from '@linkfleet/runtime/http'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { createInstancesAdmin, instanceAddressesOf } from './adapters/instances-admin.ts'
import { openMonitoringPrometheus } from './adapters/monitoring-prometheus.ts'
import { createSessionsUpstream } from './adapters/sessions-upstream.ts'
import { openUpstreamHttp } from './adapters/upstream-http.ts'
import { buildWebPages } from './adapters/web-build-vite.ts'
import type { ConsoleConfig } from './config.ts'
import { readFleet, readSlo } from './domain/read-fleet.ts'
import { recent } from './domain/recent.ts'
import type { SloRange } from './domain/views.ts'
import { createEvents, type Events } from './events.ts'
import { fleetRoute } from './http/fleet.ts'
import { guardRequests } from './http/guard.ts'
import { linkRoutes } from './http/link.ts'
import { linkStatsRoute } from './http/link-stats.ts'
import { linksRoutes } from './http/links.ts'
import { loginRoute } from './http/login.ts'
import { openShell, pageRoutes } from './http/pages.ts'
import { sessionRoutes } from './http/session.ts'
import { sloRoute } from './http/slo.ts'
import type { Instances, Monitoring, Upstream } from './ports.ts'

export interface ConsolePorts {
  readonly shortener: Upstream
  readonly analytics: Upstream
  readonly monitoring: Monitoring
  readonly instances: Instances
  /** The folder of the built pages. */
  readonly webFolder: string
  readonly nowMs: () => number
}

/** A create has a URL of 2,048 characters at most, a title and some tags. */
const bodyLimitBytes = 64 * 1024
const requestTimeoutMs = 10_000
/** Visitors who look at the fleet at the same moment share one answer. */
const keptMs = 2_000

export async function startConsole(
  config: ConsoleConfig,
  context: ServiceContext,
  overrides: Partial<ConsolePorts> = {},
) {
  const events = createEvents(context.log, context.metrics)
  await using resources = new AsyncDisposableStack()
  const ports = { ...(await openPorts(config, context, events, overrides)), ...overrides }
  const { shortener, analytics, monitoring, instances, nowMs, webFolder } = ports
  const sessions = createSessionsUpstream(shortener, nowMs)

  const server = createHttpServer({ ...context, bodyLimitBytes, requestTimeoutMs })
  resources.defer(async () => await server.close())
  await server.register(fastifyCookie)
  guardRequests(server, config.consoleUrl, events)
  const sendShell = await openShell(webFolder)
  const secureCookie = config.consoleUrl.startsWith('https:')
  loginRoute(server, { shortener, events, secureCookie, sendShell })
  sessionRoutes(server, { shortener, sessions, publicUrl: config.publicUrl })
  linksRoutes(server, shortener)
  linkRoutes(server, shortener)
  linkStatsRoute(server, analytics)
  const sources = { monitoring, instances, onMonitoringAway: events.monitoringAway }
  sloRoute(
    server,
    sessions,
    recent((range: SloRange) => readSlo(sources, range, nowMs()), keptMs, nowMs),
  )
  const recentFleet = recent((_: 'all') => readFleet(instances, nowMs()), keptMs, nowMs)
  fleetRoute(server, sessions, () => recentFleet('all'))
  await pageRoutes(server, webFolder, sendShell)

  const http = resources.use(await listen(server, config.httpHost, config.httpPort))
  context.health.setReady()
  const started = resources.move()
  return { url: http.url, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function openPorts(
  config: ConsoleConfig,
  { health }: ServiceContext,
  events: Events,
  overrides: Partial<ConsolePorts>,
): Promise<ConsolePorts> {
  const timeoutMs = config.upstreamTimeoutMs
  const shortener = openUpstreamHttp({ name: 'shortener', urls: config.shortenerUrls, timeoutMs, events })
  const analytics = openUpstreamHttp({ name: 'analytics', urls: config.analyticsUrls, timeoutMs, events })
  const monitoring = openMonitoringPrometheus(config.prometheusUrl)
  health.dependency('shortener', shortener.state)
  health.dependency('analytics', analytics.state)
  health.dependency('prometheus', monitoring.state)
  return {
    shortener,
    analytics,
    monitoring,
    instances: createInstancesAdmin(instanceAddressesOf(config.fleetAdminUrls)),
    webFolder: overrides.webFolder ?? (await buildTimed(events)),
    nowMs: Date.now,
  }
}

async function buildTimed(events: Events): Promise<string> {
  const startedMs = performance.now()
  const folder = await buildWebPages()
  events.pagesReady(folder, Math.round(performance.now() - startedMs))
  return folder
}
