import { StatsService } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { grpcService, startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { listen } from '@linkfleet/runtime/http'
import { openKafka } from '@linkfleet/runtime/kafka'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { startArchiving } from './adapters/archive/start-archiving.ts'
import { type ClickConsumer, startClickConsumer } from './adapters/ingest/click-consumer-kafka.ts'
import { type LinksGrpc, openLinksGrpc } from './adapters/links-grpc.ts'
import { openClickStorePg } from './adapters/rollups/click-store-pg.ts'
import { startPruner } from './adapters/rollups/pruner-pg.ts'
import { startLiveFeed } from './adapters/statistics/live-feed.ts'
import { openExportReaderPg } from './adapters/statistics/stats-export-pg.ts'
import { openStatsReaderPg } from './adapters/statistics/stats-reader-pg.ts'
import { createUserAgentClassifier } from './adapters/user-agents.ts'
import { openVisitorSaltsPg } from './adapters/visitor-salts-pg.ts'
import type { AnalyticsConfig } from './config.ts'
import { createEvents, type Events, exposeProgress } from './events.ts'
import { getTotals } from './grpc/get-totals.ts'
import { getVisitorSalts } from './grpc/get-visitor-salts.ts'
import { createAuthorize } from './http/authorize.ts'
import { createStatsServer } from './http/server.ts'

export interface Analytics extends AsyncDisposable {
  readonly url: string
  /** host:port of gRPC. */
  readonly grpcAddress: string
}

export async function startAnalytics(config: AnalyticsConfig, context: ServiceContext): Promise<Analytics> {
  const { log, metrics, health } = context
  const now = () => Date.now()
  const events = createEvents(log, metrics)
  await using resources = new AsyncDisposableStack()

  const primary = resources.use(openReadingPool(config.databaseUrl, 'analytics', context))
  const replicas = config.databaseReplicaUrls.map((url) =>
    resources.use(openReadingPool(url, 'analytics-replica', context)),
  )
  const links = resources.use(openLinksGrpc({ addresses: config.shortenerAddresses, now, metrics }))
  const retention = { minuteDays: config.minuteRetentionDays, hourDays: config.hourRetentionDays }
  const stats = openStatsReaderPg({ replicas, primary, events, now })

  const consumer = startIngest(resources, config, context, events)
  exposeProgress(metrics, consumer, now)
  const salts = openVisitorSaltsPg(primary)
  resources.use(startPruner({ pool: primary, retention, salts, events, now }))

  const grpc = resources.use(
    await startGrpcServer({
      host: config.grpcHost,
      port: config.grpcPort,
      services: [
        grpcService(StatsService, {
          getTotals: getTotals(stats),
          getVisitorSalts: getVisitorSalts(salts, now),
        }),
      ],
      protoFiles: ['linkfleet/clicks/v1/stats.proto'],
      log,
      metrics,
    }),
  )
  const authorize = createAuthorize(links, config.anonymousLoopback)
  const defaultDomain = new URL(config.publicUrl).host
  const live = startLiveFeed({
    stats,
    streamsMax: config.liveStreamsMax,
    streamsPerCallerMax: config.liveStreamsPerCallerMax,
  })
  const exports = openExportReaderPg({ replicas, primary, events, now })
  const api = { stats, live, exports, links, authorize, retention, defaultDomain, now }
  const server = await createStatsServer(api, log, metrics, config.shedTurnMsMax)
  const http = resources.use(await listen(server, config.httpHost, config.httpPort))

  // Disposed of before the server, which waits for what is open.
  resources.use(live)
  showDependencies(context, { primary, replicas, links, consumer })
  health.setReady()
  const started = resources.move()
  return {
    url: http.url,
    grpcAddress: grpc.address,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** From Kafka into the rollups; what was applied goes to the archive, where there is one. */
function startIngest(
  resources: AsyncDisposableStack,
  config: AnalyticsConfig,
  context: ServiceContext,
  events: Events,
): ClickConsumer {
  const { log } = context
  const now = () => Date.now()
  const pool = resources.use(openIngestPool(config, context))
  const archiver = startArchiving(config, { context, events, now })
  if (archiver !== undefined) resources.use(archiver)
  const store = openClickStorePg({
    pool,
    classify: createUserAgentClassifier(),
    now,
    ...(archiver === undefined ? {} : { recordApplied: archiver.recordApplied }),
  })
  const clientId = `analytics-${config.instance}`
  return resources.use(
    startClickConsumer({
      kafka: openKafka({ brokers: config.kafkaBrokers, clientId, log }),
      topic: config.clicksTopic,
      partitions: config.clicksPartitions,
      groupId: config.clicksGroup,
      concurrency: config.ingestConcurrency,
      fetchBytesMax: config.ingestFetchBytesMax,
      sessionTimeoutMs: config.sessionTimeoutMs,
      store,
      events,
      now,
    }),
  )
}

function openReadingPool(url: string, name: string, { log }: ServiceContext): Pool {
  return openPool({
    url,
    name,
    maxConnections: 8,
    statementTimeoutMs: 2_000,
    connectTimeoutMs: 1_000,
    log,
  })
}

/** Apart from the reads, so that neither waits for the other's connections. */
function openIngestPool(config: AnalyticsConfig, { log }: ServiceContext): Pool {
  return openPool({
    url: config.databaseUrl,
    name: 'analytics-ingest',
    maxConnections: config.ingestConcurrency + 2,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2_000,
    log,
  })
}

interface Dependencies {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly links: LinksGrpc
  readonly consumer: ClickConsumer
}

function showDependencies({ health }: ServiceContext, dependencies: Dependencies): void {
  const { primary, replicas, links, consumer } = dependencies
  health.dependency('postgres-primary', () => primary.state())
  for (const [index, replica] of replicas.entries()) {
    health.dependency(`postgres-replica-${index + 1}`, () => replica.state())
  }
  health.dependency('kafka', () => consumer.state())
  health.dependency('shortener', () => (links.isConnected() ? 'up' : 'down'))
}
