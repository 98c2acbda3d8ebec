/** One function for each thing that happens: its metric and its log together. None of them throws. */
import { ClickKind } from '@linkfleet/contracts/clicks'
import type { ServiceContext } from '@linkfleet/runtime/process'
import type { FoundLink } from './domain/find-link.ts'

export type Source = 'redis' | 'replica' | 'primary'
export type DropReason = 'full' | 'half-full' | 'write-failed'

const sources: readonly Source[] = ['redis', 'replica', 'primary']
const kinds = ['click', 'orphan'] as const
const dropReasons: readonly DropReason[] = ['full', 'half-full', 'write-failed']
const outcomes = ['memory', ...sources, 'stale', 'absent', 'unknown'] as const

const kindName = (kind: ClickKind) => (kind === ClickKind.ORPHAN ? 'orphan' : 'click')

const complainEveryMs = 60_000

/** By outcome, since the last scrape: prom-client hashes labels at each count, which every redirect would pay for. */
function countLookups(metrics: ServiceContext['metrics']) {
  const lookupsOf = { memory: 0, redis: 0, replica: 0, primary: 0, stale: 0, absent: 0, unknown: 0 }
  metrics.counter(
    'redirect_lookups_total',
    'Lookups of codes, by the source that answered; stale: nobody could say what is current.',
    ['outcome'],
    outcomes.map((outcome) => ({ outcome })),
    (own) => {
      for (const outcome of outcomes) {
        own.inc({ outcome }, lookupsOf[outcome])
        lookupsOf[outcome] = 0
      }
    },
  )
  return lookupsOf
}

export type RedirectEvents = ReturnType<typeof createRedirectEvents>

export function createRedirectEvents({ log, metrics }: Pick<ServiceContext, 'log' | 'metrics'>) {
  const lookupsOf = countLookups(metrics)
  const staleServed = metrics.counter(
    'redirect_stale_served_total',
    'Answers from a copy that nobody could confirm to be current.',
  )
  const { recordedOf, dropped } = createClickCounters(metrics)
  const sourceFailures = metrics.counter(
    'redirect_source_failures_total',
    'Reads that a source of links failed or did not answer in time.',
    ['source'],
    sources.map((source) => ({ source })),
  )
  const spoolFailures = metrics.counter(
    'redirect_spool_failures_total',
    'Writes and syncs of the spool that failed.',
    ['operation'],
    [{ operation: 'write' }, { operation: 'sync' }],
  )
  const feedGaps = metrics.counter(
    'redirect_feed_gaps_total',
    'Times the feed of changed links was joined anew or skipped records, so that memory had to be confirmed.',
  )
  const changes = metrics.counter('redirect_link_changes_total', 'Changed links the feed told of.')
  const saltFailures = metrics.counter(
    'redirect_visitor_salt_failures_total',
    'Times analytics did not give the salts of visitors; without them unique visitors are not counted.',
  )
  const skewSeconds = metrics.gauge(
    'redirect_clock_skew_seconds',
    "How far the primary's clock is ahead of this process's, as last measured.",
  )
  const refusals = metrics.counter(
    'redirect_refused_total',
    'Requests answered 429: their client missed too often, or too many wrong passwords were tried.',
    ['reason'],
    [{ reason: 'misses' }, { reason: 'passwords' }],
  )
  const complain = createComplain(log)

  return {
    lookedUp(found: FoundLink): void {
      if (found.kind !== 'link') lookupsOf[found.kind] += 1
      else if (found.stale) {
        lookupsOf.stale += 1
        staleServed.inc()
      } else lookupsOf[found.source] += 1
    },
    clickRecorded(kind: ClickKind, clicks: number): void {
      recordedOf[kindName(kind)].inc(clicks)
    },
    clickDropped(kind: ClickKind, reason: DropReason): void {
      dropped.inc({ kind: kindName(kind), reason })
      complain(`dropped ${reason}`, undefined, 'clicks are not recorded')
    },
    sourceFailed(source: Source, cause: unknown): void {
      sourceFailures.inc({ source })
      complain(source, cause, 'a source of links does not answer')
    },
    spoolFailed(operation: 'write' | 'sync', cause: unknown): void {
      spoolFailures.inc({ operation })
      complain(`spool ${operation}`, cause, 'the spool cannot be written')
    },
    refused(reason: 'misses' | 'passwords'): void {
      refusals.inc({ reason })
    },
    feedGap(reason: string): void {
      feedGaps.inc()
      log.info({ reason }, 'the feed of changed links has a gap')
    },
    linkChanged(): void {
      changes.inc()
    },
    visitorSaltsFailed(cause: unknown): void {
      saltFailures.inc()
      complain('visitor salts', cause, 'analytics does not give the salts of visitors')
    },
    clockSkewMeasured(skewMs: number): void {
      skewSeconds.set(skewMs / 1_000)
    },
  }
}

function createClickCounters(metrics: ServiceContext['metrics']) {
  const recorded = metrics.counter(
    'redirect_clicks_recorded_total',
    'Clicks written to the spool before their answer left.',
    ['kind'],
    kinds.map((kind) => ({ kind })),
  )
  const recordedOf = {
    click: recorded.labels({ kind: 'click' }),
    orphan: recorded.labels({ kind: 'orphan' }),
  }
  const dropped = metrics.counter(
    'redirect_clicks_dropped_total',
    'Clicks that were not recorded although they were answered.',
    ['kind', 'reason'],
    kinds.flatMap((kind) => dropReasons.map((reason) => ({ kind, reason }))),
  )
  return { recordedOf, dropped }
}

/** A source that is away fails once for each window of its breaker; one line a minute tells enough. */
function createComplain(log: ServiceContext['log']) {
  const complainedAtMs = new Map<string, number>()
  return function complain(what: string, cause: unknown, message: string): void {
    const nowMs = performance.now()
    if (nowMs - (complainedAtMs.get(what) ?? Number.NEGATIVE_INFINITY) < complainEveryMs) return
    complainedAtMs.set(what, nowMs)
    log.warn({ err: cause, what }, message)
  }
}
