/** The composition root: reads straight down; shutdown is the same in reverse. */
import { createRedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { listen } from '@linkfleet/runtime/http'
import { openKafka } from '@linkfleet/runtime/kafka'
import type { Metrics } from '@linkfleet/runtime/metrics'
import { openPool } from '@linkfleet/runtime/postgres'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { openRedis } from '@linkfleet/runtime/redis'
import { seedAdminKey } from './adapters/admin-key-file.ts'
import { openChangeFeedKafka } from './adapters/change-feed-kafka.ts'
import { openClickBudgetsPg } from './adapters/click-budgets-pg.ts'
import { openClickTotalsGrpc } from './adapters/click-totals-grpc.ts'
import { openCodePoolGrpc } from './adapters/code-pool-grpc.ts'
import { openCredentialStorePg } from './adapters/credential-store-pg.ts'
import { openLinkReaderPg } from './adapters/link-reader-pg.ts'
import { openLinkWriterPg } from './adapters/link-writer-pg.ts'
import { openOutboxSessionPg } from './adapters/outbox-session-pg.ts'
import { passwordsScrypt } from './adapters/passwords-scrypt.ts'
import { startRelay } from './adapters/relay.ts'
import { createWatermarks } from './adapters/watermarks.ts'
import { openWriteThroughRedis } from './adapters/write-through-redis.ts'
import { WrittenChanges } from './adapters/written-changes.ts'
import type { ShortenerConfig } from './config.ts'
import { createBulkCreator } from './domain/create-bulk.ts'
import { type CreateLinkPorts, createLinkCreator } from './domain/create-link.ts'
import { createLinkEditor } from './domain/edit-link.ts'
import { urlRulesOf } from './domain/judge-url.ts'
import { createEvents, type ShortenerEvents } from './events.ts'
import { linksService } from './grpc/links-service.ts'
import { createAuthorize } from './http/authorize.ts'
import { createApiServer } from './http/server.ts'
import type { ClickTotals, CodePool } from './ports.ts'

/** What a test may put in the place of another service. */
export interface ShortenerOverrides {
  readonly codes?: CodePool & { readonly size: number; state(): string } & AsyncDisposable
  readonly totals?: ClickTotals & { state(): string } & Disposable
}

export interface Shortener extends AsyncDisposable {
  readonly url: string
  /** host:port of gRPC */
  readonly address: string
  readonly isActiveRelay: boolean
}

export async function startShortener(
  config: ShortenerConfig,
  context: ServiceContext,
  overrides: ShortenerOverrides = {},
): Promise<Shortener> {
  const { log, metrics, health } = context
  const events = createEvents(metrics, log)
  await using resources = new AsyncDisposableStack()
  const pool = resources.use(openRequestPool(config, context))
  const redis = resources.use(
    openRedis({ url: config.redisUrl, name: nameOf(config), commandTimeoutMs: 1_000, log }),
  )
  const cache = createRedisLinkCache(redis.client, config.redisKeyPrefix)
  const codes = resources.use(overrides.codes ?? openCodes(config, metrics, events))
  const totals = resources.use(
    overrides.totals ?? openClickTotalsGrpc(config.analyticsAddresses, events.totalsFailed, metrics),
  )
  const written = new WrittenChanges()
  const relay = resources.use(openRelay(config, context, cache, written, events))

  const writer = openLinkWriterPg(pool, events)
  const links = openLinkReaderPg(pool)
  const credentials = openCredentialStorePg(pool)
  const writeThrough = openWriteThroughRedis(cache, events.writeThroughFailed, written)
  const changes = wireChanges({ codes, writer, writeThrough, passwords: passwordsScrypt }, events)
  const authorize = createAuthorize(credentials, config.anonymousLoopback)
  const { publicUrl } = config
  const urlRules = urlRulesOf([publicUrl, config.consoleUrl], config.allowPrivateTargets)
  const rights = { authorize, credentials }
  const api = {
    ...rights,
    ...changes,
    links,
    writer,
    writeThrough,
    totals,
    urlRules,
    publicUrl,
    events,
    now: Date.now,
  }

  health.dependency('postgres', () => pool.state())
  health.dependency('redis', () => redis.state())
  health.dependency('kafka', () => relay.feedState())
  health.dependency('id-generator', () => codes.state())
  health.dependency('analytics', () => totals.state())
  events.watch({ codesReady: () => codes.size, isActiveRelay: () => relay.isActive })

  const budgets = openClickBudgetsPg(pool)
  const services = [linksService({ links, credentials, budgets })]
  const protoFiles = ['linkfleet/links/v1/links.proto']
  const grpcPlace = { host: config.grpcHost, port: config.grpcPort }
  const grpc = resources.use(await startGrpcServer({ ...grpcPlace, services, protoFiles, log, metrics }))
  const server = await createApiServer(api, log, metrics, config.shedTurnMsMax)
  const http = resources.use(await listen(server, config.httpHost, config.httpPort))
  resources.use(await seedAdminKey(config.adminKeyFile, credentials, events))
  health.setReady()

  const started = resources.move()
  return {
    url: http.url,
    address: grpc.address,
    get isActiveRelay() {
      return relay.isActive
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** The ways of changing links, each over the same ports. */
function wireChanges(ports: Omit<CreateLinkPorts, 'onCodeSkipped'>, events: ShortenerEvents) {
  const creating = { ...ports, onCodeSkipped: events.codeSkipped }
  return {
    creator: createLinkCreator(creating),
    createBulk: createBulkCreator({ ...creating, onItemFailed: events.bulkItemFailed }),
    editLink: createLinkEditor(ports),
  }
}

const nameOf = (config: ShortenerConfig) => `shortener ${config.instance}`

/** Connecting, waiting for a connection and the statement all fit into the time in which an answer is due. */
function openRequestPool(config: ShortenerConfig, { log }: ServiceContext) {
  return openPool({
    url: config.databaseUrl,
    name: nameOf(config),
    maxConnections: config.databaseConnectionsMax,
    statementTimeoutMs: 2_000,
    connectTimeoutMs: 700,
    log,
  })
}

function openCodes(config: ShortenerConfig, metrics: Metrics, events: ShortenerEvents) {
  return openCodePoolGrpc({
    addresses: config.idGeneratorAddresses,
    codesMax: config.codePoolCodesMax,
    metrics,
    onRefillFailed: events.refillFailed,
    onEmpty: events.codePoolEmpty,
  })
}

/** The relay with what is its own: a database session apart from those of requests, and the Kafka producer. */
function openRelay(
  config: ShortenerConfig,
  { log }: ServiceContext,
  cache: ReturnType<typeof createRedisLinkCache>,
  written: WrittenChanges,
  events: ShortenerEvents,
) {
  const pool = openPool({
    url: config.databaseUrl,
    name: `shortener relay ${config.instance}`,
    maxConnections: 2,
    statementTimeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    log,
  })
  const feed = openChangeFeedKafka({
    kafka: openKafka({ brokers: config.kafkaBrokers, clientId: `shortener-${config.instance}`, log }),
    topic: config.linkChangesTopic,
    partitions: config.linkChangesPartitions,
    onFailed: events.kafkaFailed,
  })
  const relay = startRelay({
    instance: config.instance,
    openSession: () => openOutboxSessionPg(pool, written),
    createWatermarks: () => createWatermarks(cache, events.newGeneration, events.watermarksMoved, written),
    feed,
    events,
  })
  return {
    get isActive() {
      return relay.isActive
    },
    feedState: () => (relay.isActive ? feed.state() : 'not needed: another instance is the relay'),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await feed[Symbol.asyncDispose]()
      await pool[Symbol.asyncDispose]()
    },
  }
}
