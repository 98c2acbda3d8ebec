/** The archive of a running service: what takes part in each batch, and what works in the background. */
import { openPool, type Queryable } from '@linkfleet/runtime/postgres'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { exposeArchive } from '../../archive-events.ts'
import type { AnalyticsConfig } from '../../config.ts'
import type { Events } from '../../events.ts'
import { openArchive } from './archive.ts'
import { type AppliedBatch, queueBatch } from './archive-queue-pg.ts'
import { startArchiver } from './archiver.ts'

export interface Archiving extends AsyncDisposable {
  readonly recordApplied: (transaction: Queryable, batch: AppliedBatch) => Promise<void>
}

interface ArchivingParts {
  readonly context: ServiceContext
  readonly events: Events
  readonly now: () => number
}

/** undefined where no archive is named. Throws when the one that is named cannot be. */
export function startArchiving(config: AnalyticsConfig, parts: ArchivingParts): Archiving | undefined {
  const opened = openArchive(config)
  if (opened === undefined) return undefined
  const { context, events, now } = parts
  const pool = openPool({
    url: config.databaseUrl,
    name: 'analytics-archive',
    maxConnections: 2,
    statementTimeoutMs: 30_000,
    connectTimeoutMs: 2_000,
    log: context.log,
  })
  const archiver = startArchiver({
    pool,
    archive: opened.archive,
    key: opened.keys[0],
    segmentBytes: config.archiveSegmentBytes,
    segmentSeconds: config.archiveSegmentSeconds,
    events,
    now,
  })
  exposeArchive(context.metrics, archiver, now)
  context.health.dependency('archive', () => archiver.state())
  return {
    async recordApplied(transaction, batch) {
      // Clicks wait in Kafka, which has room for days, rather than fill the disk of Postgres or leave a gap.
      if ((archiver.queue()?.storedBytes ?? 0) > config.archiveQueueBytesMax)
        throw new Error('The archive is away and its queue is full; clicks wait in Kafka.')
      await queueBatch(transaction, batch)
    },
    async [Symbol.asyncDispose]() {
      await archiver[Symbol.asyncDispose]()
      await pool[Symbol.asyncDispose]()
    },
  }
}
