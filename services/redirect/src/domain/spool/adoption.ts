/** What is to be done with the segments that a dead producer left. */
import { type Checkpoint, decodeCheckpoint, emptyCheckpoint } from './checkpoint.ts'
import { type SegmentHeader, segmentHeaderBytes } from './segment-format.ts'

/** Readers forget a producer's marks after this time, so older clicks could be counted twice: they are refused. */
export const refusedAfterMs = 90 * 24 * 60 * 60 * 1_000

export interface FoundSegment {
  readonly number: number
  readonly bytes: number
  /** undefined when it cannot be read. */
  readonly header: SegmentHeader | undefined
}

export interface Adoption {
  /** To be sent, in order. */
  readonly segments: readonly FoundSegment[]
  /** As the headers pin it; undefined when there is nothing to send. */
  readonly partitionCount: number | undefined
  readonly checkpoint: Checkpoint
  /** Too short to hold a record: their producer died while it made them. */
  readonly empty: readonly FoundSegment[]
  /** Must not or cannot be sent. */
  readonly setAside: readonly FoundSegment[]
}

export interface AdoptionCircumstances {
  readonly producerId: Buffer
  /** Of this boot of this machine. */
  readonly bootId: Buffer
  readonly nowMs: number
  readonly checkpointText: string | undefined
}

/** `found` in the order of their numbers. */
export function planAdoption(found: readonly FoundSegment[], circumstances: AdoptionCircumstances): Adoption {
  const { producerId, bootId, nowMs, checkpointText } = circumstances
  const segments: FoundSegment[] = []
  const empty: FoundSegment[] = []
  const setAside: FoundSegment[] = []
  let partitionCount: number | undefined
  let sameBoot = true
  for (const segment of found) {
    const { header } = segment
    if (header === undefined && segment.bytes <= segmentHeaderBytes) empty.push(segment)
    else if (
      header === undefined ||
      !header.producerId.equals(producerId) ||
      header.segment !== segment.number ||
      header.partitionCount !== (partitionCount ?? header.partitionCount) ||
      nowMs - header.createdAtMs > refusedAfterMs
    ) {
      setAside.push(segment)
    } else {
      partitionCount = header.partitionCount
      sameBoot &&= header.bootId.equals(bootId)
      segments.push(segment)
    }
  }
  // After a loss of power Kafka may have forgotten what it acknowledged: all that is still here is sent again.
  const checkpoint = sameBoot
    ? decodeCheckpoint(checkpointText, partitionCount ?? 0)
    : emptyCheckpoint(partitionCount ?? 0)
  return { segments, partitionCount, checkpoint, empty, setAside }
}
