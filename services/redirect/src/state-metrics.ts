/** What /readyz and /metrics show of the state of this process. */
import type { ServiceContext } from '@linkfleet/runtime/process'
import type { LinkChangesFeed } from './adapters/link-changes-thread.ts'
import type { OpenSources, Sources } from './adapters/sources.ts'
import type { ClickSpool, SpoolState } from './adapters/spool/click-spool.ts'
import type { VisitorSaltsGrpc } from './adapters/visitor-salts-grpc.ts'
import type { ClickBudgets } from './domain/click-budgets.ts'
import type { FeedCover } from './domain/feed-cover.ts'
import type { LinkMemory } from './domain/link-memory.ts'

export interface RedirectState extends OpenSources {
  readonly memory: LinkMemory
  readonly cover: FeedCover
  readonly clicks: ClickSpool
  readonly sources: Sources
  readonly feed: LinkChangesFeed
  readonly budgets: ClickBudgets
  readonly visitorSalts: VisitorSaltsGrpc | undefined
  readonly clock: () => number
}

export function exposeState({ metrics, health }: ServiceContext, state: RedirectState): void {
  const { memory, cover, clicks, sources, replicas, redis, authority, feed, budgets, visitorSalts, clock } =
    state
  health.dependency('redis', () => redis.state())
  health.dependency('shortener', () => (authority.isConnected() ? 'up' : 'down'))
  health.dependency('kafka', () => clicks.state().kafka)
  health.dependency('link changes', () => feed.state())
  if (visitorSalts !== undefined) health.dependency('analytics', () => visitorSalts.state())
  for (const [index] of replicas.health().entries()) {
    health.dependency(`replica ${index + 1}`, () => (replicas.health()[index]?.up === true ? 'up' : 'down'))
  }

  const gauge = (name: string, help: string, read: () => number) =>
    metrics.gauge(name, help, [], (own) => own.set(read()))
  gauge('redirect_memory_cache_bytes', 'Memory that cached links take, index and all.', () => memory.bytes)
  gauge('redirect_memory_cache_links', 'Links in memory, fresh or not.', () => memory.size)
  gauge('redirect_memory_cache_absences', 'Codes the primary said it does not have.', () => memory.absences)
  gauge(
    'redirect_memory_cache_evictions',
    'Links evicted from memory since the start.',
    () => memory.evictions,
  )
  gauge(
    'redirect_leased_clicks',
    'Clicks of limited links that are leased and not used: what a crash would burn.',
    () => budgets.clicksLeft,
  )
  metrics.gauge(
    'redirect_feed_confirmed_age_seconds',
    'How long ago the links in memory were current of which the feed of changes told nothing; without a value while it cannot say.',
    [],
    (own) => {
      own.reset()
      if (cover.allKnownAtMs !== undefined) own.set((clock() - cover.allKnownAtMs) / 1_000)
    },
  )
  exposeSpool(metrics, clicks)
  metrics.gauge(
    'redirect_breaker_open',
    '1 while a source of links is left alone after failures.',
    ['source'],
    (own) => {
      for (const [source, breaker] of Object.entries(sources.breakers)) {
        own.set({ source }, breaker.state === 'closed' ? 0 : 1)
      }
    },
  )
  metrics.gauge(
    'redirect_replica_lag_seconds',
    'Age of the newest heartbeat seen on a replica.',
    ['replica'],
    (own) => {
      for (const [index, { beatAtMs }] of replicas.health().entries()) {
        if (beatAtMs > 0) own.set({ replica: String(index + 1) }, (clock() - beatAtMs) / 1_000)
      }
    },
  )
}

function exposeSpool(metrics: ServiceContext['metrics'], clicks: ClickSpool): void {
  const gauge = (name: string, help: string, read: (state: SpoolState) => number) =>
    metrics.gauge(name, help, [], (own) => own.set(read(clicks.state())))
  gauge(
    'redirect_spool_bytes',
    'Bytes of the spool on disk, sent ones that are kept included.',
    (state) => state.bytes,
  )
  gauge(
    'redirect_spool_unsent_bytes',
    'Bytes of clicks Kafka has not acknowledged.',
    (state) => state.unsentBytes,
  )
  gauge(
    'redirect_spool_damaged_bytes',
    'Bytes of damaged records in the spool, whose clicks are lost; what is left of their segments is set aside.',
    (state) => state.damagedBytes,
  )
  gauge(
    'redirect_spool_bytes_max',
    'The bound of the spool: at half of it orphan clicks are dropped, at it all.',
    (state) => state.bytesMax,
  )
  gauge(
    'redirect_spool_set_aside_bytes',
    'Bytes of clicks and segments that were set aside and wait for somebody to look at them.',
    (state) => state.setAsideBytes,
  )
  gauge(
    'redirect_spool_set_aside_clicks',
    'Clicks that Kafka refused for good.',
    (state) => state.setAsideClicks,
  )
  gauge(
    'redirect_spool_sent_messages',
    'Messages Kafka acknowledged since the start.',
    (state) => state.sentMessages,
  )
  gauge(
    'redirect_spool_adopted_folders',
    'Folders of dead producers that are being sent.',
    (state) => state.adoptedFolders,
  )
}
