/** The rows of stored segments: written in the transaction that takes their batches from the queue. */
import type { Pool, Queryable } from '@linkfleet/runtime/postgres'
import type { ArchiveKey } from '../../domain/archive/archive-key.ts'
import { sealSegment } from '../../domain/archive/segment.ts'
import type { ArchiveStore } from '../../ports.ts'
import { readQueue } from './archive-queue-pg.ts'

export interface StoredSegment {
  readonly partition: number
  readonly batches: number
  readonly clicks: number
  readonly bytes: number
}

export interface ArchivePorts {
  readonly pool: Pool
  readonly archive: ArchiveStore
  readonly key: ArchiveKey | undefined
  readonly now: () => number
}

/** Longer than the archive's own deadline; a process that is frozen meanwhile must not keep the partition. */
const beginText = 'BEGIN; SET LOCAL idle_in_transaction_session_timeout = 60000'
/** "arch" as a number: the class of the advisory locks by which one instance archives a partition at a time. */
const lockClass = 0x61726368

/**
 * Makes a segment of what waits of a partition, at most `recordBytesMax` before compression and one batch. The object is stored
 * before the commit: a crash between leaves an object that no row names, and the same batches are archived again.
 * undefined when another instance is at it, or nothing waits.
 */
export async function archiveOnce(
  { pool, archive, key, now }: ArchivePorts,
  partition: number,
  recordBytesMax: number,
): Promise<StoredSegment | undefined> {
  return await pool.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ mine: boolean }>({
      text: 'SELECT pg_try_advisory_xact_lock($1, $2) AS mine',
      values: [lockClass, partition],
    })
    if (rows[0]?.mine !== true) return undefined
    const batches = await readQueue(transaction, partition, 0, recordBytesMax)
    const [first, last] = [batches[0], batches.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const { name, content } = await sealSegment(partition, batches, key)
    await archive.put(name, content)
    const clicks = batches.reduce((sum, batch) => sum + batch.clicks, 0)
    await transaction.query({
      text: `INSERT INTO clicks.archive_segments
          (partition, first_place, last_place, from_offset, next_offset, sha256, bytes, clicks, created_at)
        VALUES ($1, $2, $3, $4, $5, decode($6, 'hex'), $7, $8, $9)`,
      values: [
        partition,
        first.place,
        last.place,
        first.fromOffset,
        last.nextOffset,
        name,
        content.length,
        clicks,
        new Date(now()),
      ],
    })
    await transaction.query({
      text: 'DELETE FROM clicks.archive_queue WHERE partition = $1 AND place BETWEEN $2 AND $3',
      values: [partition, first.place, last.place],
    })
    return { partition, batches: batches.length, clicks, bytes: content.length }
  }, beginText)
}

/** The name of the segment that holds this place; undefined when none does. */
export async function segmentOf(
  database: Queryable,
  partition: number,
  place: number,
): Promise<string | undefined> {
  const { rows } = await database.query<{ name: string }>({
    name: 'segment-of-place',
    text: `SELECT encode(sha256, 'hex') AS name FROM clicks.archive_segments
      WHERE partition = $1 AND first_place <= $2 AND last_place >= $2`,
    values: [partition, place],
  })
  return rows[0]?.name
}
