/** Reads a partition's applied batches back, from segments and then from the queue, in the order of their places. */
import type { Queryable } from '@linkfleet/runtime/postgres'
import type { ArchiveKey } from '../../domain/archive/archive-key.ts'
import type { ArchivedBatch } from '../../domain/archive/batch-codec.ts'
import { openSegment, SegmentDamaged } from '../../domain/archive/segment.ts'
import type { ArchiveStore } from '../../ports.ts'
import { readQueue } from '../archive/archive-queue-pg.ts'
import { segmentOf } from '../archive/archive-segments-pg.ts'

export interface ReplaySource {
  readonly database: Queryable
  readonly archive: ArchiveStore
  readonly keys: readonly ArchiveKey[]
}

const queueBytes = 16 * 1_048_576

/**
 * Yields all that is archived or waits from `fromPlace` on. Throws SegmentDamaged for a segment that is missing,
 * damaged, not readable with the keys, or does not hold what its row says.
 */
export async function* readBatches(
  source: ReplaySource,
  partition: number,
  fromPlace: number,
): AsyncGenerator<ArchivedBatch> {
  for (let place = fromPlace; ; ) {
    const batches = await readFrom(source, partition, place)
    if (batches.length === 0) return
    for (const batch of batches) {
      if (batch.place !== place)
        throw new Error(`Partition ${partition} has batch ${batch.place} where batch ${place} belongs.`)
      yield batch
      place++
    }
  }
}

/**
 * Segments first: a batch that leaves the queue between the two reads is found in the next turn. Empty at the end, which
 * is where the next batch will get its place.
 */
async function readFrom(source: ReplaySource, partition: number, place: number): Promise<ArchivedBatch[]> {
  const endPlace = await nextPlace(source.database, partition)
  for (let turn = 0; turn < 2; turn++) {
    const name = await segmentOf(source.database, partition, place)
    if (name !== undefined) return await readSegment(source, partition, name, place)
    const waiting = await readQueue(source.database, partition, place, queueBytes)
    if (waiting[0]?.place === place) return waiting
  }
  if (place >= endPlace) return []
  throw new Error(`Batch ${place} of partition ${partition} is in no segment and not in the queue.`)
}

/** The place that the next applied batch of a partition will get. */
export async function nextPlace(database: Queryable, partition: number): Promise<number> {
  const { rows } = await database.query<{ next_place: number }>({
    text: 'SELECT next_place FROM clicks.archive_heads WHERE partition = $1',
    values: [partition],
  })
  return rows[0]?.next_place ?? 1
}

async function readSegment(
  { archive, keys }: ReplaySource,
  partition: number,
  name: string,
  place: number,
): Promise<ArchivedBatch[]> {
  const content = await archive.get(name)
  if (content === undefined) throw new SegmentDamaged(name, 'is missing.')
  const batches = await openSegment(name, content, partition, keys)
  const asked = batches.filter((batch) => batch.place >= place)
  if (asked[0]?.place !== place) throw new SegmentDamaged(name, `does not hold batch ${place}.`)
  return asked
}
