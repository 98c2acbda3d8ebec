import fastifyCookie from '@fastify/cookie'
import { createHttpServer } from '@linkfleet/runtime/http'
import { compileRequestPart } from '@linkfleet/runtime/http-schemas'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import { agreement, slos } from '@linkfleet/slo/generated/objectives'
import type { Day } from '@linkfleet/slo/report/day'
import { readDayReport } from '@linkfleet/slo/report/read-day-report'
import type { FastifyInstance } from 'fastify'
import { readFleet, readSlo } from '../domain/read-fleet.ts'
import { recent } from '../domain/recent.ts'
import type { SloRange } from '../domain/views.ts'
import type { Events } from '../events.ts'
import type { Instances, Monitoring, Sessions, Upstream } from '../ports.ts'
import { fleetRoute } from './fleet.ts'
import { guardRequests } from './guard.ts'
import { linkRoutes } from './link.ts'
import { linkStatsRoute } from './link-stats.ts'
import { linkStreamRoutes } from './link-streams.ts'
import { linksRoutes } from './links.ts'
import { loginRoute } from './login.ts'
import { openShell, pageRoutes } from './pages.ts'
import { sessionRoutes } from './session.ts'
import { sloRoute } from './slo.ts'
import { sloReportRoute } from './slo-report.ts'

export interface ConsoleServerOptions {
  readonly shedTurnMsMax?: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly events: Events
  readonly shortener: Upstream
  readonly analytics: Upstream
  readonly sessions: Sessions
  readonly monitoring: Monitoring
  /** The same, with time for questions about a whole day. */
  readonly dayMonitoring: Monitoring
  readonly instances: Instances
  /** The folder of the built pages. */
  readonly webFolder: string
  readonly publicUrl: string
  readonly consoleUrl: string
  readonly nowMs: () => number
}

/** A create has a URL of 2,048 characters at most, a title and some tags. */
const bodyLimitBytes = 64 * 1024
const requestTimeoutMs = 10_000
/** Visitors who look at the fleet at the same moment share one answer. */
const keptMs = 2_000
/** A day's raw samples are much to read. */
const reportKeptMs = 30_000

/** All routes, not yet listening. */
export async function createConsoleServer(options: ConsoleServerOptions): Promise<FastifyInstance> {
  const { shortener, analytics, sessions, monitoring, instances, events, nowMs } = options
  const { log, metrics, consoleUrl, publicUrl, webFolder } = options
  const server = createHttpServer({
    log,
    metrics,
    compileSchema: compileRequestPart,
    bodyLimitBytes,
    requestTimeoutMs,
    shedTurnMsMax: options.shedTurnMsMax ?? 0,
  })
  await server.register(fastifyCookie)
  guardRequests(server, consoleUrl, events)
  const sendShell = await openShell(webFolder)
  loginRoute(server, { shortener, events, secureCookie: consoleUrl.startsWith('https:'), sendShell })
  sessionRoutes(server, { shortener, sessions, publicUrl })
  linksRoutes(server, shortener)
  linkRoutes(server, shortener)
  linkStatsRoute(server, analytics)
  linkStreamRoutes(server, analytics)
  const sources = { monitoring, instances, onMonitoringAway: events.monitoringAway }
  sloRoute(
    server,
    sessions,
    recent((range: SloRange) => readSlo(sources, range, nowMs()), keptMs, nowMs),
  )
  const recentReport = recent(
    (key: string) =>
      readDayReport(options.dayMonitoring, { slos, agreement }, JSON.parse(key) as Day, nowMs() / 1000),
    reportKeptMs,
    nowMs,
  )
  const minuteOf = (day: Day): Day => ({ ...day, endSeconds: Math.floor(day.endSeconds / 60) * 60 })
  sloReportRoute(server, sessions, (day) => recentReport(JSON.stringify(minuteOf(day))), nowMs)
  const recentFleet = recent((_: 'all') => readFleet(instances, nowMs()), keptMs, nowMs)
  fleetRoute(server, sessions, () => recentFleet('all'))
  await pageRoutes(server, webFolder, sendShell)
  return server
}
