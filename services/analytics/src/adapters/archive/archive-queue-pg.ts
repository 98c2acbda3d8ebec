/**
 * The way of applied batches to the archive. `queueBatch` runs in the transaction that applies the batch, so the queue
 * and the stored segments together hold every batch that was applied since the archive was switched on.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { Queryable } from '@linkfleet/runtime/postgres'
import { type ArchivedBatch, encodeRecords } from '../../domain/archive/batch-codec.ts'
import { segmentBytesMax } from '../../domain/archive/segment.ts'
import type { BatchPlan, ReadRecord } from '../../domain/batch-plan.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
/** It is compressed once more, with its neighbours, when a segment is made. */
const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export interface AppliedBatch {
  readonly partition: number
  readonly fromOffset: number
  readonly records: readonly ReadRecord[]
  readonly plan: BatchPlan
  readonly appliedAtMs: number
}

/** The partition's row in clicks.partitions must be locked by this transaction: it keeps places without gaps. */
export async function queueBatch(transaction: Queryable, batch: AppliedBatch): Promise<void> {
  const { humans, bots, orphans } = batch.plan.counts
  const records = encodeRecords(batch.records.map(({ record }) => record))
  await transaction.query({
    name: 'queue-for-archive',
    text: `WITH head AS (
        INSERT INTO clicks.archive_heads (partition, next_place) VALUES ($1, 2)
        ON CONFLICT (partition) DO UPDATE SET next_place = clicks.archive_heads.next_place + 1
        RETURNING next_place - 1 AS place
      )
      INSERT INTO clicks.archive_queue (partition, place, from_offset, next_offset, applied_at, clicks, records, record_bytes)
      SELECT $1, place, $2, $3, $4, $5, $6, $7 FROM head`,
    values: [
      batch.partition,
      batch.fromOffset,
      batch.plan.nextOffset,
      new Date(batch.appliedAtMs),
      humans + bots + orphans,
      await compress(records, fastest),
      records.length,
    ],
  })
}

interface QueueRow extends Record<string, unknown> {
  readonly place: number
  readonly fromOffset: number
  readonly nextOffset: number
  readonly appliedAt: Date
  readonly clicks: number
  readonly records: Buffer
}

/**
 * The batches that wait from `fromPlace` on, in their order, at least one where there is any, and as many more as
 * together have up to `recordBytesMax` before compression.
 */
export async function readQueue(
  database: Queryable,
  partition: number,
  fromPlace: number,
  recordBytesMax: number,
): Promise<ArchivedBatch[]> {
  const { rows } = await database.query<QueueRow>({
    name: 'read-archive-queue',
    text: `SELECT place, from_offset AS "fromOffset", next_offset AS "nextOffset", applied_at AS "appliedAt", clicks, records
      FROM (
        SELECT *, sum(record_bytes) OVER (ORDER BY place) - record_bytes AS bytes_before
        FROM (
          SELECT * FROM clicks.archive_queue WHERE partition = $1 AND place >= $2 ORDER BY place LIMIT ${batchesMax}
        ) AS waiting
      ) AS measured WHERE bytes_before < $3 ORDER BY place`,
    values: [partition, fromPlace, recordBytesMax],
  })
  return await Promise.all(
    rows.map(async ({ records, appliedAt, ...rest }) => ({
      ...rest,
      appliedAtMs: appliedAt.getTime(),
      records: await decompress(records, { maxOutputLength: segmentBytesMax }),
    })),
  )
}

/** Of one segment, and so of one read. */
const batchesMax = 5_000

export interface QueueState {
  /** Over all partitions. */
  readonly storedBytes: number
  /** When the oldest batch that waits was applied. */
  readonly oldestMs: number | undefined
  readonly partitions: readonly QueuedPartition[]
}

export interface QueuedPartition {
  readonly partition: number
  /** Before compression. */
  readonly recordBytes: number
  readonly oldestMs: number
}

/** Reads the small columns of every batch that waits; the size of its records is known without reading them. */
export async function queueState(database: Queryable): Promise<QueueState> {
  const { rows } = await database.query<{
    partition: number
    stored_bytes: number
    record_bytes: number
    oldest: Date
  }>({
    name: 'archive-queue-state',
    text: `SELECT partition, sum(octet_length(records))::bigint AS stored_bytes, sum(record_bytes)::bigint AS record_bytes,
        min(applied_at) AS oldest
      FROM clicks.archive_queue GROUP BY partition ORDER BY partition`,
  })
  const partitions = rows.map(({ partition, record_bytes, oldest }) => ({
    partition,
    recordBytes: record_bytes,
    oldestMs: oldest.getTime(),
  }))
  return {
    storedBytes: rows.reduce((sum, { stored_bytes }) => sum + stored_bytes, 0),
    oldestMs: partitions.length === 0 ? undefined : Math.min(...partitions.map(({ oldestMs }) => oldestMs)),
    partitions,
  }
}
