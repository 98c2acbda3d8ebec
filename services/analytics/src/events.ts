/** What happens in analytics that an operator may want to see: metric and log together, never throwing. */
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import { createArchiveEvents } from './archive-events.ts'
import { poisonReasons } from './domain/click-message.ts'
import { type ConsumerProgress, oldestUnappliedAgeSeconds } from './domain/freshness.ts'
import type { Position } from './domain/position.ts'
import type { ApplyOutcome } from './ports.ts'

export type Events = ReturnType<typeof createEvents>

const secondsBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600]

export function createEvents(log: Logger, metrics: Metrics) {
  return {
    ...createIngestEvents(log, metrics),
    ...createReadEvents(log, metrics),
    ...createArchiveEvents(log, metrics),
  }
}

function createIngestEvents(log: Logger, metrics: Metrics) {
  const ingest = createIngestMetrics(metrics)
  return {
    assigned(partitions: readonly number[]) {
      log.info({ partitions }, 'partitions were assigned')
    },
    batchApplied(
      partition: number,
      outcome: ApplyOutcome & { kind: 'applied' },
      durationMs: number,
      clickAgeMs: number | undefined,
    ) {
      const { counts, deadLetters } = outcome
      ingest.batches.inc({ outcome: 'applied' })
      ingest.applied.inc({ kind: 'human' }, counts.humans)
      ingest.applied.inc({ kind: 'bot' }, counts.bots)
      ingest.applied.inc({ kind: 'orphan' }, counts.orphans)
      ingest.duplicates.inc(counts.duplicates)
      ingest.refused.inc(counts.refused)
      ingest.applySeconds.observe(durationMs / 1000)
      if (clickAgeMs !== undefined) ingest.visibleSeconds.observe(clickAgeMs / 1000)
      if (counts.refused > 0)
        log.warn({ partition, clicks: counts.refused }, 'clicks were refused: they are too old')
      for (const { reason } of deadLetters) ingest.deadLetters.inc({ reason })
      // One line a batch: whoever floods the topic must not flood the log as well.
      const [first] = deadLetters
      if (first === undefined) return
      const { offset, reason } = first
      const messages = deadLetters.length
      log.error({ partition, messages, offset, reason }, 'messages could not be read and were set aside')
    },
    applyFailed(partition: number, from: number, cause: unknown) {
      ingest.batches.inc({ outcome: 'failed' })
      log.warn({ partition, from, err: cause }, 'a batch was not applied; it is read again')
    },
    fenced(partition: number, from: number) {
      ingest.batches.inc({ outcome: 'fenced' })
      log.info({ partition, from }, 'another consumer, or a commit without an answer, moved the partition on')
    },
    outOfStep(partition: number, offset: number, position: Position) {
      ingest.batches.inc({ outcome: 'out-of-step' })
      log.info({ partition, offset, position }, 'the log does not go on where it was left')
    },
    recordsLost(partition: number, records: number) {
      ingest.lost.inc(records)
      log.error({ partition, records }, 'records were deleted from the log before they were counted')
    },
    rewound(partition: number, from: number, to: number) {
      ingest.rewinds.inc()
      log.warn({ partition, from, to }, 'the log is another one than was read; it is read from its start')
    },
    syncFailed(partition: number, cause: unknown) {
      log.warn({ partition, err: cause }, 'it is not known yet where to go on in a partition')
    },
    consumerFailed(cause: unknown) {
      log.warn({ err: cause }, 'clicks are not read; trying again')
    },
    observeFailed(cause: unknown) {
      log.warn({ err: cause }, 'it is not known how far the log of clicks reaches')
    },
    pruned(rows: Readonly<Record<string, number>>) {
      log.info({ rows }, 'old rows were pruned')
    },
    pruneFailed(cause: unknown) {
      log.warn({ err: cause }, 'old rows were not pruned; trying again later')
    },
  }
}

function createReadEvents(log: Logger, metrics: Metrics) {
  const reads = metrics.counter(
    'analytics_stats_reads_total',
    'Reads of statistics, by the kind of database that answered.',
    ['source'],
    [{ source: 'replica' }, { source: 'primary' }, { source: 'none' }],
  )
  return {
    statsRead(source: 'replica' | 'primary') {
      reads.inc({ source })
    },
    statsReadFailed(source: string, cause: unknown) {
      log.warn({ source, err: cause }, 'a database did not answer a read of statistics')
    },
    statsUnavailable() {
      reads.inc({ source: 'none' })
    },
  }
}

function createIngestMetrics(metrics: Metrics) {
  return {
    applied: metrics.counter(
      'analytics_clicks_applied_total',
      'Clicks that were counted, by kind.',
      ['kind'],
      [{ kind: 'human' }, { kind: 'bot' }, { kind: 'orphan' }],
    ),
    duplicates: metrics.counter(
      'analytics_clicks_duplicate_total',
      'Clicks that came again and were not counted again.',
      [],
      [{}],
    ),
    refused: metrics.counter(
      'analytics_clicks_refused_total',
      'Clicks older than the sequence marks live, which nobody can tell from counted ones.',
      [],
      [{}],
    ),
    deadLetters: metrics.counter(
      'analytics_dead_letters_total',
      'Messages that could not be read and were set aside, by reason.',
      ['reason'],
      poisonReasons.map((reason) => ({ reason })),
    ),
    lost: metrics.counter(
      'analytics_records_lost_total',
      'Kafka records that were deleted before they were counted. Alert on any.',
      [],
      [{}],
    ),
    rewinds: metrics.counter(
      'analytics_log_rewinds_total',
      'Times that a log was found to be another one and read from its start.',
      [],
      [{}],
    ),
    batches: metrics.counter(
      'analytics_batches_total',
      'Batches of Kafka records, by what became of them.',
      ['outcome'],
      ['applied', 'failed', 'fenced', 'out-of-step'].map((outcome) => ({ outcome })),
    ),
    applySeconds: metrics.histogram(
      'analytics_batch_apply_seconds',
      'Time to read and commit one batch.',
      [],
      secondsBuckets,
    ),
    visibleSeconds: metrics.histogram(
      'analytics_click_visible_seconds',
      'Age of the oldest click that a batch counted, at its commit: how long clicks take from redirect to the statistics.',
      [],
      secondsBuckets,
    ),
  }
}

/** Gauges that are read from the consumer at each scrape. */
export function exposeProgress(metrics: Metrics, consumer: ConsumerProgress, now: () => number): void {
  metrics.gauge(
    'analytics_oldest_unapplied_click_age_seconds',
    'Age of the oldest click in the partitions of this instance that is not counted yet; in no group, at least the time without one.',
    [],
    (gauge) =>
      gauge.set(oldestUnappliedAgeSeconds(consumer.progress().values(), consumer.outsideSinceMs(), now())),
  )
  metrics.gauge(
    'analytics_consumer_lag_records',
    'Kafka records that are not applied yet, by partition of this instance.',
    ['partition'],
    (gauge) => {
      gauge.reset()
      for (const [partition, { lagRecords }] of consumer.progress())
        gauge.set({ partition: String(partition) }, lagRecords)
    },
  )
}
