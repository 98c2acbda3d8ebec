/** What happens to the archive: metric and log together, never throwing. */
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'

interface StoredSegment {
  readonly partition: number
  readonly batches: number
  readonly clicks: number
  readonly bytes: number
}

export function createArchiveEvents(log: Logger, metrics: Metrics) {
  const segments = metrics.counter(
    'analytics_archive_segments_total',
    'Segments that were stored in the archive.',
    [],
    [{}],
  )
  const bytes = metrics.counter(
    'analytics_archive_bytes_total',
    'Bytes of the segments that were stored in the archive.',
    [],
    [{}],
  )
  const failures = metrics.counter(
    'analytics_archive_failures_total',
    'Looks at the archive queue that ended in an error; what waits is tried again.',
    [],
    [{}],
  )
  return {
    segmentStored(segment: StoredSegment) {
      segments.inc()
      bytes.inc(segment.bytes)
      log.debug(segment, 'a segment was archived')
    },
    archiveFailed(cause: unknown) {
      failures.inc()
      log.warn({ err: cause }, 'applied clicks were not archived; they wait and are tried again')
    },
  }
}

/** What waits for the archive, as an instance last saw it; all instances see the same queue. */
export interface ArchiveProgress {
  queue(): { readonly storedBytes: number; readonly oldestMs: number | undefined } | undefined
}

export function exposeArchive(metrics: Metrics, progress: ArchiveProgress, now: () => number): void {
  metrics.gauge(
    'analytics_archive_lag_seconds',
    'How long the oldest applied batch has waited for the archive; 0 when none waits.',
    [],
    (gauge) => {
      const oldestMs = progress.queue()?.oldestMs
      gauge.set(oldestMs === undefined ? 0 : Math.max(0, (now() - oldestMs) / 1000))
    },
  )
  metrics.gauge(
    'analytics_archive_queue_bytes',
    'Bytes that wait in Postgres for the archive.',
    [],
    (gauge) => gauge.set(progress.queue()?.storedBytes ?? 0),
  )
}
