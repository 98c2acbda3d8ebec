/** What happens in shortener, told once: metric and log together. None of these throws. */
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { Backlog } from './ports.ts'

export type ShortenerEvents = ReturnType<typeof createEvents>

/** A dependency that stays away is logged once in this time. */
const repeatLogMs = 10_000

export function createEvents(metrics: Metrics, log: Logger) {
  const series = createMetrics(metrics)
  const lastLoggedMs = new Map<string, number>()
  /** Of the primary's clock: everything committed before it is in Redis. */
  let watermarkMs = Date.now()

  function failed(dependency: string, message: string, error: unknown): void {
    series.dependencyFailures.inc({ dependency })
    const nowMs = performance.now()
    if (nowMs - (lastLoggedMs.get(dependency) ?? Number.NEGATIVE_INFINITY) < repeatLogMs) return
    lastLoggedMs.set(dependency, nowMs)
    log.warn({ err: error, dependency }, message)
  }

  return {
    linksCreated: (links: number) => series.changes.inc({ kind: 'created' }, links),
    linksReused: (links: number) => series.changes.inc({ kind: 'reused' }, links),
    bulkItemFailed: (error: unknown) => log.error({ err: error }, 'an item of a bulk failed'),
    createReplayed: () => series.changes.inc({ kind: 'replayed' }),
    linkEdited: () => series.changes.inc({ kind: 'edited' }),
    linkDeleted: () => series.changes.inc({ kind: 'deleted' }),
    codeSkipped: () => series.skippedCodes.inc(),
    groupCommitted(items: number, seconds: number) {
      series.groupLinks.observe(items)
      series.groupSeconds.observe(seconds)
    },
    codePoolEmpty: () => series.emptyPools.inc(),
    refillFailed: (error: unknown) => failed('id-generator', 'no codes from id-generator', error),
    writeThroughFailed: (error: unknown) =>
      failed('redis-write-through', 'a new link waits for the relay to reach redis', error),
    redisFailed: (error: unknown) => failed('redis-relay', 'the relay cannot reach redis', error),
    kafkaFailed: (error: unknown) => failed('kafka', 'link changes wait for kafka', error),
    totalsFailed: (error: unknown) => failed('analytics', 'click totals are not told', error),
    lostSession: (error: unknown) => failed('relay-session', 'the relay has no database session', error),
    becameActive() {
      watermarkMs = Date.now()
      series.relayActivations.inc()
      log.info('this instance is the active relay')
    },
    deposedFrozen: () => log.warn('terminated the session of a relay that had stopped stamping'),
    watermarksMoved(lowestMs: number) {
      watermarkMs = lowestMs
    },
    newGeneration: () => series.generations.inc(),
    relayed(redis: number, kafka: number) {
      series.relayed.inc({ sink: 'redis' }, redis)
      series.relayed.inc({ sink: 'kafka' }, kafka)
    },
    backlog(redis: Backlog, kafka: Backlog) {
      for (const [sink, { changes, oldestSeconds }] of Object.entries({ redis, kafka })) {
        series.outboxChanges.set({ sink }, changes)
        series.outboxOldestSeconds.set({ sink }, oldestSeconds)
      }
    },
    /** Shows what is known anyway, at each scrape. */
    watch({ codesReady, isActiveRelay }: { codesReady: () => number; isActiveRelay: () => boolean }) {
      metrics.gauge('shortener_code_pool_codes', 'Generated codes that are ready.', [], (gauge) =>
        gauge.set(codesReady()),
      )
      metrics.gauge('shortener_relay_is_active', '1 on the instance that is the active relay.', [], (gauge) =>
        gauge.set(isActiveRelay() ? 1 : 0),
      )
      metrics.gauge(
        'shortener_watermark_age_seconds',
        'How long ago all of Redis was known to be current, on the active relay; 0 elsewhere.',
        [],
        (gauge) => gauge.set(isActiveRelay() ? Math.max(0, Date.now() - watermarkMs) / 1000 : 0),
      )
    },
    adminKeySeeded: () => log.info('the admin key of ADMIN_KEY_FILE is in force'),
    adminKeyNotSeeded: (error: unknown) => log.warn({ err: error }, 'the admin key could not be seeded yet'),
  }
}

function createMetrics(metrics: Metrics) {
  const changes = metrics.counter(
    'shortener_link_changes_total',
    'Links created, edited and deleted; creates answered with a link there was count as "reused", retries as "replayed".',
    ['kind'],
    ['created', 'reused', 'replayed', 'edited', 'deleted'].map((kind) => ({ kind })),
  )
  const skippedCodes = metrics.counter(
    'shortener_skipped_codes_total',
    'Generated codes that were reserved or already taken as an alias.',
  )
  const emptyPools = metrics.counter(
    'shortener_code_pool_refusals_total',
    'Creates that got no code: the pool was empty and no id-generator answered.',
  )
  const groupLinks = metrics.histogram(
    'shortener_create_group_links',
    'Creates that shared one transaction.',
    [],
    [1, 2, 4, 8, 16, 32, 64, 128],
  )
  const groupSeconds = metrics.histogram(
    'shortener_create_transaction_seconds',
    'Duration of the transaction of a group of creates.',
  )
  const dependencyFailures = metrics.counter(
    'shortener_dependency_failures_total',
    'Failed calls of a dependency; none of them fails a create, but an empty code pool does.',
    ['dependency'],
    ['id-generator', 'redis-write-through', 'redis-relay', 'kafka', 'analytics', 'relay-session'].map(
      (dependency) => ({ dependency }),
    ),
  )
  const relayed = metrics.counter(
    'shortener_relayed_changes_total',
    'Changes that the relay brought to a sink.',
    ['sink'],
    [{ sink: 'redis' }, { sink: 'kafka' }],
  )
  const relayActivations = metrics.counter(
    'shortener_relay_activations_total',
    'Times this instance became the active relay.',
  )
  const generations = metrics.counter(
    'shortener_cache_generations_total',
    'Hash tags of which the relay started a new generation: after a flush, restart or failover of Redis, a promotion, or six hours in which its mark did not move.',
  )
  return {
    changes,
    skippedCodes,
    emptyPools,
    groupLinks,
    groupSeconds,
    dependencyFailures,
    relayed,
    ...createOutboxMetrics(metrics),
    relayActivations,
    generations,
  }
}

function createOutboxMetrics(metrics: Metrics) {
  const outboxChanges = metrics.gauge(
    'shortener_outbox_changes',
    'Changes that wait for a sink, as the active relay counts them each 5 s, up to 200,000.',
    ['sink'],
  )
  const outboxOldestSeconds = metrics.gauge(
    'shortener_outbox_oldest_seconds',
    'How long the first change that waits for a sink has waited, on the active relay.',
    ['sink'],
  )
  for (const sink of ['redis', 'kafka']) {
    outboxChanges.set({ sink }, 0)
    outboxOldestSeconds.set({ sink }, 0)
  }
  return { outboxChanges, outboxOldestSeconds }
}
