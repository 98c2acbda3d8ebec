import { randomBytes } from 'node:crypto'
import { createClientAddress } from '@linkfleet/runtime/client-address'
import { listen } from '@linkfleet/runtime/http'
import type { Logger } from '@linkfleet/runtime/log'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { openRedis } from '@linkfleet/runtime/redis'
import type { FastifyInstance } from 'fastify'
import { createAttemptLimit } from './adapters/attempt-limit-redis.ts'
import { createGuard } from './adapters/guard.ts'
import { KafkaThread } from './adapters/kafka-thread/kafka-thread.ts'
import { openLinkAuthorityGrpc } from './adapters/link-authority-grpc.ts'
import { openLinkCacheRedis } from './adapters/link-cache-redis.ts'
import { openLinkChanges } from './adapters/link-changes-thread.ts'
import { openLinkOwnerGrpc } from './adapters/link-owner-grpc.ts'
import { openLinkReplicasPg } from './adapters/link-replicas-pg.ts'
import { openPlaces } from './adapters/places-mmdb.ts'
import { createSources, type OpenSources, watchSources } from './adapters/sources.ts'
import { type ClickSpool, openClickSpool } from './adapters/spool/click-spool.ts'
import { readBootId } from './adapters/spool/spool-folder.ts'
import { openVisitorSaltsGrpc } from './adapters/visitor-salts-grpc.ts'
import type { RedirectConfig } from './config.ts'
import { CircuitBreaker } from './domain/circuit-breaker.ts'
import { ClickBudgets } from './domain/click-budgets.ts'
import { FeedCover } from './domain/feed-cover.ts'
import { createFindLink } from './domain/find-link.ts'
import { createHeedChanges } from './domain/heed-changes.ts'
import { createIdentifyClient } from './domain/identify-client.ts'
import { LinkMemory } from './domain/link-memory.ts'
import { VersionFloors } from './domain/version-floors.ts'
import { VisitorSalts } from './domain/visitor-salts.ts'
import { createRedirectEvents, type RedirectEvents } from './events.ts'
import { createDescribeClick, type DescribeClick } from './http/describe-click.ts'
import { createRedirectServer } from './http/redirect-server.ts'
import { exposeState } from './state-metrics.ts'

const clock = Date.now
const absencesMax = 20_000
const floorsMax = 100_000
/** Limited links followed within the last seconds: some 20 MB. */
const budgetsMax = 50_000
const sweepEveryMs = 2_500
/** Nobody waits for a copy that is read anew while it is fresh. */
const refreshGatherMs = 100
/** Who knows the password needs few; a link that many try at once stays open to those who know it for a while. */
const passwordsPerClientMax = 10
const passwordsPerLinkMax = 200
const passwordWindowSeconds = 15 * 60

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
  const seed = randomBytes(4).readUInt32LE()
  const cover = new FeedCover()
  const memory = new LinkMemory({ bytesMax: config.memoryCacheBytesMax, absencesMax, cover, seed })
  const floors = new VersionFloors(floorsMax, (nowMs) => cover.forgot(nowMs))
  let gathering: NodeJS.Timeout | undefined
  resources.defer(() => clearTimeout(gathering))
  const soon = (refresh: () => void) => {
    gathering = setTimeout(refresh, refreshGatherMs)
  }
  const findLink = createFindLink({ ...sources, memory, floors, clock, soon })
  const heed = createHeedChanges({ memory, floors, cover, clock })

  const bootId = await readBootId()
  const thread = resources.use(startKafkaThread(config, log, bootId))
  const feed = openLinkChanges({
    thread,
    changed({ link, asOfMs }) {
      heed.changed(link, asOfMs)
      events.linkChanged()
    },
    marked: heed.marked,
    gap(reason) {
      heed.gap()
      events.feedGap(reason)
    },
  })
  const clicks = resources.use(await openSpool(config, { thread, bootId, log, events }))
  const conditions = openConditions(config, context, events, resources)
  const { salts, visitorSalts } = openSalts(config, context, events, resources)
  exposeState(context, { ...open, ...conditions, memory, cover, clicks, sources, feed, visitorSalts, clock })

  const { server, misses } = createRedirectServer({
    ...conditions,
    log,
    metrics: context.metrics,
    publicUrl: config.publicUrl,
    shedTurnMsMax: config.shedTurnMsMax,
    findLink,
    authority: sources.authority,
    clicks,
    describeClick: await openDescribeClick(config, salts),
    clientAddress: createClientAddress(config.trustedProxies),
    clock,
    lookedUp: events.lookedUp,
    refused: events.refused,
  })
  resources.use(sweepEach(sweepEveryMs, () => misses.sweep()))
  const http = resources.use(await listen(server, config.httpHost, config.httpPort))
  resources.defer(() => cutLateConnections(server, config.drainTimeoutMs / 4))
  const settled = visitorSalts?.settled ?? Promise.resolve()
  resources.use(watchSources(open, () => void settled.then(() => context.health.setReady())))

  const started = resources.move()
  return { url: http.url, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/** What links may ask for before they are followed, and what bounds those who try out codes and passwords. */
function openConditions(
  config: RedirectConfig,
  { log, metrics }: ServiceContext,
  events: RedirectEvents,
  resources: AsyncDisposableStack,
) {
  const owner = resources.use(
    openLinkOwnerGrpc({
      addresses: config.shortenerAddresses,
      deadlineMs: config.shortenerTimeoutMs,
      metrics,
      guard: createGuard({
        breaker: new CircuitBreaker({ failuresMax: 3, windowMs: config.breakerWindowMs / 2 }),
        deadlineMs: config.shortenerTimeoutMs,
        clock,
        failed: (cause) => events.sourceFailed('primary', cause),
      }),
    }),
  )
  const budgets = new ClickBudgets({
    leases: owner.leases,
    clock,
    newRequestId: () => randomBytes(16),
    budgetsMax,
  })
  // After the last request and before the shortener is left: what was leased and not used goes back.
  resources.defer(() => budgets.close())
  resources.use(sweepEach(sweepEveryMs, () => void budgets.sweep()))

  const redis = resources.use(
    openRedis({
      url: config.redisUrl,
      name: 'redirect limits',
      commandTimeoutMs: config.redisTimeoutMs,
      log,
    }),
  )
  const guard = createGuard({
    breaker: new CircuitBreaker({ failuresMax: 1, windowMs: config.breakerWindowMs }),
    deadlineMs: config.redisTimeoutMs,
    clock,
    failed: (cause) => events.sourceFailed('redis', cause),
  })
  const limit = (name: string, attemptsMax: number, windowSeconds: number) =>
    createAttemptLimit({
      redis: redis.client,
      guard,
      keyPrefix: `${config.redisKeyPrefix}${name}`,
      attemptsMax,
      windowSeconds,
      clock,
      secrets: [config.redisUrl, ...config.databaseReplicaUrls],
    })
  return {
    budgets,
    descriptions: owner.descriptions,
    missLimit: config.missLimitPerMinute === 0 ? undefined : limit('misses', config.missLimitPerMinute, 60),
    passwordLimits: {
      perClient: limit('passwords-of-client', passwordsPerClientMax, passwordWindowSeconds),
      perLink: limit('passwords-of-link', passwordsPerLinkMax, passwordWindowSeconds),
    },
  }
}

function sweepEach(everyMs: number, sweep: () => void): Disposable {
  const timer = setInterval(sweep, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function openSalts(
  config: RedirectConfig,
  { metrics }: ServiceContext,
  events: RedirectEvents,
  resources: AsyncDisposableStack,
) {
  const salts = new VisitorSalts()
  const { analyticsAddresses: addresses } = config
  const visitorSalts = openVisitorSaltsGrpc({
    addresses,
    salts,
    clock,
    failed: events.visitorSaltsFailed,
    metrics,
  })
  if (visitorSalts !== undefined) resources.use(visitorSalts)
  return { salts, visitorSalts }
}

async function openDescribeClick(config: RedirectConfig, salts: VisitorSalts): Promise<DescribeClick> {
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
  { log, metrics }: ServiceContext,
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
      metrics,
      skewMeasured: events.clockSkewMeasured,
    }),
  )
  return { redis, replicas, authority }
}

function startKafkaThread(config: RedirectConfig, log: Logger, bootId: Buffer): KafkaThread {
  const { instance, logLevel, kafkaBrokers: brokers, spoolDir } = config
  const clicks = { topic: config.clicksTopic, partitions: config.clicksPartitions }
  const linkChanges = { topic: config.linkChangesTopic, partitions: config.linkChangesPartitions }
  return new KafkaThread({ instance, logLevel, brokers, clicks, bootId, spoolDir, linkChanges }, log)
}

interface SpoolParts {
  readonly thread: KafkaThread
  readonly bootId: Buffer
  readonly log: Logger
  readonly events: RedirectEvents
}

function openSpool(config: RedirectConfig, { events, ...parts }: SpoolParts): Promise<ClickSpool> {
  return openClickSpool({
    ...parts,
    spoolDir: config.spoolDir,
    bytesMax: config.spoolBytesMax,
    partitionCount: config.clicksPartitions,
    // The other half of the bound is for requests that are still being answered.
    drainTimeoutMs: config.drainTimeoutMs / 2,
    clock,
    recorded: events.clickRecorded,
    dropped: events.clickDropped,
    failed: events.spoolFailed,
  })
}
