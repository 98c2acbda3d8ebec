/** The composition root: reads straight down; shutdown is the same in reverse. */
import { readFile } from 'node:fs/promises'
import { LinksService } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { createRedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import { grpcService, startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { listen } from '@linkfleet/runtime/http'
import { openKafka } from '@linkfleet/runtime/kafka'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { openRedis } from '@linkfleet/runtime/redis'
import { openChangeFeedKafka } from './adapters/change-feed-kafka.ts'
import { openClickTotalsGrpc } from './adapters/click-totals-grpc.ts'
import { openCodePoolGrpc } from './adapters/code-pool-grpc.ts'
import { openCredentialStorePg } from './adapters/credential-store-pg.ts'
import { openLinkReaderPg } from './adapters/link-reader-pg.ts'
import { openLinkWriterPg } from './adapters/link-writer-pg.ts'
import { openOutboxSessionPg } from './adapters/outbox-session-pg.ts'
import { startRelay } from './adapters/relay.ts'
import { createWatermarks } from './adapters/watermarks.ts'
import { openWriteThroughRedis } from './adapters/write-through-redis.ts'
import type { ShortenerConfig } from './config.ts'
import { createLinkCreator } from './domain/create-link.ts'
import { chosenKeyLengthMin, credentialLengthMax } from './domain/credentials.ts'
import { hostOf } from './domain/judge-url.ts'
import { createEvents, type ShortenerEvents } from './events.ts'
import { checkKey } from './grpc/check-key.ts'
import { resolveLinks } from './grpc/resolve-links.ts'
import { createAuthorize } from './http/authorize.ts'
import { createApiServer } from './http/server.ts'
import type { ClickTotals, CodePool, CredentialStore } from './ports.ts'

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
  const relayPool = resources.use(openRelayPool(config, context))
  const redis = resources.use(
    openRedis({ url: config.redisUrl, name: `shortener ${config.instance}`, commandTimeoutMs: 1_000, log }),
  )
  const cache = createRedisLinkCache(redis.client, config.redisKeyPrefix)
  const kafka = openKafka({ brokers: config.kafkaBrokers, clientId: `shortener-${config.instance}`, log })
  const feed = resources.use(
    openChangeFeedKafka({
      kafka,
      topic: config.linkChangesTopic,
      partitions: config.linkChangesPartitions,
      onFailed: events.kafkaFailed,
    }),
  )
  const codes = resources.use(
    overrides.codes ??
      openCodePoolGrpc({
        addresses: config.idGeneratorAddresses,
        codesMax: config.codePoolCodesMax,
        onRefillFailed: events.refillFailed,
      }),
  )
  const totals = resources.use(
    overrides.totals ?? openClickTotalsGrpc(config.analyticsAddresses, events.totalsFailed),
  )

  const writer = openLinkWriterPg(pool, events)
  const links = openLinkReaderPg(pool)
  const credentials = openCredentialStorePg(pool)
  const writeThrough = openWriteThroughRedis(cache, events.writeThroughFailed)
  const relay = resources.use(
    startRelay({
      instance: config.instance,
      openSession: () => openOutboxSessionPg(relayPool),
      createWatermarks: () => createWatermarks(cache, events.newGeneration),
      feed,
      events,
    }),
  )

  health.dependency('postgres', () => pool.state())
  health.dependency('redis', () => redis.state())
  health.dependency('kafka', () =>
    relay.isActive ? feed.state() : 'not needed: another instance is the relay',
  )
  health.dependency('id-generator', () => codes.state())
  health.dependency('analytics', () => totals.state())
  metrics.gauge('shortener_code_pool_codes', 'Generated codes that are ready.', [], (gauge) =>
    gauge.set(codes.size),
  )
  metrics.gauge('shortener_relay_is_active', '1 on the instance that is the active relay.', [], (gauge) =>
    gauge.set(relay.isActive ? 1 : 0),
  )

  const createLink = createLinkCreator({ codes, writer, writeThrough, onCodeSkipped: events.codeSkipped })
  const server = await createApiServer(
    {
      createLink,
      links,
      writer,
      writeThrough,
      credentials,
      totals,
      urlRules: {
        ownHosts: new Set([hostOf(config.publicUrl), hostOf(config.consoleUrl)]),
        allowPrivateTargets: config.allowPrivateTargets,
      },
      publicUrl: config.publicUrl,
      events,
      authorize: createAuthorize(credentials, config.anonymousLoopback),
      now: Date.now,
    },
    log,
    metrics,
  )
  const grpc = resources.use(
    await startGrpcServer({
      host: config.grpcHost,
      port: config.grpcPort,
      services: [
        grpcService(LinksService, { resolveLinks: resolveLinks(links), checkKey: checkKey(credentials) }),
      ],
      log,
      metrics,
      protoFiles: ['linkfleet/links/v1/links.proto'],
    }),
  )
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

/** Connecting, waiting for a connection and the statement all fit into the time in which an answer is due. */
function openRequestPool(config: ShortenerConfig, { log }: ServiceContext): Pool {
  return openPool({
    url: config.databaseUrl,
    name: `shortener ${config.instance}`,
    maxConnections: config.databaseConnectionsMax,
    statementTimeoutMs: 2_000,
    connectTimeoutMs: 700,
    log,
  })
}

function openRelayPool(config: ShortenerConfig, { log }: ServiceContext): Pool {
  return openPool({
    url: config.databaseUrl,
    name: `shortener relay ${config.instance}`,
    maxConnections: 2,
    statementTimeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    log,
  })
}

/** Reads the file now, and tells the database as soon as it can be reached. */
async function seedAdminKey(
  file: string,
  credentials: CredentialStore,
  events: ShortenerEvents,
): Promise<AsyncDisposable> {
  const stopping = new AbortController()
  const seeding = file === '' ? Promise.resolve() : seed(await readChosenKey(file))
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await seeding
    },
  }

  async function seed(key: string): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      try {
        await credentials.seedAdminKey(key)
        return events.adminKeySeeded()
      } catch (error) {
        events.adminKeyNotSeeded(error)
        await sleep(backoffMs(attempt, { baseMs: 100, maxMs: 2_000 }), stopping.signal)
      }
    }
  }
}

async function readChosenKey(file: string): Promise<string> {
  const key = (await readFile(file, 'utf8')).trim()
  if (key.length < chosenKeyLengthMin || key.length > credentialLengthMax) {
    throw new Error(
      `ADMIN_KEY_FILE must hold a key of ${chosenKeyLengthMin} to ${credentialLengthMax} characters.`,
    )
  }
  return key
}
