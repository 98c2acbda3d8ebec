/** The HTTP API: every route, on one server. */
import { createHttpServer } from '@linkfleet/runtime/http'
import { compileRequestPart } from '@linkfleet/runtime/http-schemas'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance } from 'fastify'
import type { Retention } from '../domain/statistics/stats-range.ts'
import type { ExportReader, Links, LiveFeed, StatsReader } from '../ports.ts'
import type { Authorize } from './authorize.ts'
import { fleetSummaryRoute } from './fleet-summary.ts'
import { linkStatsRoute } from './link-stats.ts'
import { liveStatsRoutes } from './live-stats.ts'
import { describeApi } from './openapi.ts'
import { statsExportRoutes } from './stats-export.ts'
import { topLinksRoute } from './top-links.ts'

/** What the routes need. */
export interface StatsApi {
  readonly stats: StatsReader
  readonly live: LiveFeed
  readonly exports: ExportReader
  readonly links: Links
  readonly authorize: Authorize
  readonly retention: Retention
  /** The name of the domain whose short URLs name no other. */
  readonly defaultDomain: string
  readonly now: () => number
}

export async function createStatsServer(
  api: StatsApi,
  log: Logger,
  metrics: Metrics,
  shedTurnMsMax = 0,
): Promise<FastifyInstance> {
  const server = createHttpServer({
    log,
    metrics,
    compileSchema: compileRequestPart,
    bodyLimitBytes: 1_024,
    requestTimeoutMs: 10_000,
    shedTurnMsMax,
  })
  await describeApi(server)
  for (const route of [linkStatsRoute, fleetSummaryRoute, topLinksRoute, liveStatsRoutes, statsExportRoutes])
    route(server, api)
  return server
}
