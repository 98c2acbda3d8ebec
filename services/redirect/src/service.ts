import { createClientAddress } from '@linkfleet/runtime/client-address'
import { listen } from '@linkfleet/runtime/http'
import { openKafka } from '@linkfleet/runtime/kafka'
import type { Logger } from '@linkfleet/runtime/log'
import type { ServiceContext } from '@linkfleet/runtime/process'
import type { FastifyInstance } from 'fastify'
import { openLinkAuthorityGrpc } from './adapters/link-authority-grpc.ts'
import { openLinkCacheRedis } from './adapters/link-cache-redis.ts'
import { openLinkChangesKafka } from './adapters/link-changes-kafka.ts'
import { openLinkReplicasPg } from './adapters/link-replicas-pg.ts'
import { openPlaces } from './adapters/places-mmdb.ts'
import { createSources, type OpenSources, watchSources } from './adapters/sources.ts'
import { type ClickSpool, openClickSpool } from './adapters/spool/click-spool.ts'
import { openVisitorSaltsGrpc } from './adapters/visitor-salts-grpc.ts'
import type { RedirectConfig } from './config.ts'
import { createFindLink } from './domain/find-link.ts'
import { createIdentifyClient } from './domain/identify-client.ts'
import { LinkMemory, linkKeyOf } from './domain/link-memory.ts'
import { VersionFloors } from './domain/version-floors.ts'
import { VisitorSalts } from './domain/visitor-salts.ts'
import { createRedirectEvents, type RedirectEvents } from './events.ts'
import { createDescribeClick, type DescribeClick } from './http/describe-click.ts'
import { createRedirectServer } from './http/redirect-server.ts'
import { exposeState } from './state-metrics.ts'

const clock = Date.now
const absencesMax = 20_000
const floorsMax = 100_000

export interface Redirect extends AsyncDisposable {
  readonly url: string
}

export async function startRedirect(config: RedirectConfig, context: ServiceContext): Promise<Redirect> {
  await using resources = new AsyncDisposableStack()
  const { log } = context
  const events = createRedirectEvents(context)

  const open = openSources(config, context, events, resources)
  const sources = createSources(open, {
    clock,
    breakerWindowMs: config.breakerWindowMs,
    redisTimeoutMs: config.redisTimeoutMs,
    shortenerTimeoutMs: config.shortenerTimeoutMs,
    failed: events.sourceFailed,
  })
  const memory = new LinkMemory({ bytesMax: config.memoryCacheBytesMax, absencesMax })
  const floors = new VersionFloors(floorsMax)
  const findLink = createFindLink({ ...sources, memory, floors, clock })

  const clicks = resources.use(await openSpool(config, log, events))
  const feed = resources.use(
    openLinkChangesKafka({
      kafka: openKafka({ brokers: config.kafkaBrokers, clientId: config.instance, log }),
      topic: config.linkChangesTopic,
      partitions: config.linkChangesPartitions,
      instance: config.instance,
      log,
      changed({ link, asOfMs }) {
        const key = linkKeyOf(link.domainId, link.code)
        floors.tell(key, link, clock())
        memory.change(key, { copy: link, asOfMs: Math.min(asOfMs, clock()) })
        events.linkChanged()
      },
      gap(reason) {
        memory.markAllNotFresh()
        events.feedGap(reason)
      },
    }),
  )
  exposeState(context, { ...open, memory, clicks, sources, feed, clock })

  const server = createRedirectServer({
    log,
    metrics: context.metrics,
    publicUrl: config.publicUrl,
    findLink,
    clicks,
    describeClick: await openDescribeClick(config, events, resources),
    clock,
    lookedUp: events.lookedUp,
  })
  const http = resources.use(await listen(server, config.httpHost, config.httpPort))
  resources.defer(() => cutLateConnections(server, config.drainTimeoutMs / 4))
  resources.use(watchSources(open, () => context.health.setReady()))

  const started = resources.move()
  return { url: http.url, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

async function openDescribeClick(
  config: RedirectConfig,
  events: RedirectEvents,
  resources: AsyncDisposableStack,
): Promise<DescribeClick> {
  const salts = new VisitorSalts()
  resources.use(
    openVisitorSaltsGrpc({
      addresses: config.analyticsAddresses,
      salts,
      clock,
      failed: events.visitorSaltsFailed,
    }),
  )
  return createDescribeClick({
    clientAddress: createClientAddress(config.trustedProxies),
    identifyClient: createIdentifyClient(salts, await openPlaces(config.geoDatabaseFile)),
    respectDoNotTrack: config.respectDoNotTrack,
  })
}

/**
 * Every request here is answered within two seconds. A connection that is open much later than that never sent one
 * (browsers open some ahead), and must not cost the clicks of this process their time to be sent.
 */
function cutLateConnections(server: FastifyInstance, afterMs: number): void {
  setTimeout(() => server.server.closeAllConnections(), afterMs).unref()
}

function openSources(
  config: RedirectConfig,
  { log }: ServiceContext,
  events: RedirectEvents,
  resources: AsyncDisposableStack,
): OpenSources {
  const redis = resources.use(
    openLinkCacheRedis({
      url: config.redisUrl,
      keyPrefix: config.redisKeyPrefix,
      commandTimeoutMs: config.redisTimeoutMs,
      log,
    }),
  )
  const replicas = resources.use(
    openLinkReplicasPg({ urls: config.databaseReplicaUrls, timeoutMs: config.replicaTimeoutMs, clock, log }),
  )
  const authority = resources.use(
    openLinkAuthorityGrpc({
      addresses: config.shortenerAddresses,
      deadlineMs: config.shortenerTimeoutMs,
      clock,
      skewMeasured: events.clockSkewMeasured,
    }),
  )
  return { redis, replicas, authority }
}

function openSpool(config: RedirectConfig, log: Logger, events: RedirectEvents): Promise<ClickSpool> {
  return openClickSpool({
    spoolDir: config.spoolDir,
    bytesMax: config.spoolBytesMax,
    partitionCount: config.clicksPartitions,
    brokers: config.kafkaBrokers,
    topic: config.clicksTopic,
    instance: config.instance,
    logLevel: config.logLevel,
    // The other half of the bound is for requests that are still being answered.
    drainTimeoutMs: config.drainTimeoutMs / 2,
    clock,
    log,
    recorded: events.clickRecorded,
    dropped: events.clickDropped,
    failed: events.spoolFailed,
  })
}
