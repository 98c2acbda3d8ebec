/** What the sender knows of a segment: how large it is, and what of it was damaged. */
import { recordHeadBytes, type Scan, segmentHeaderBytes } from './segment-format.ts'

export interface TrackedSegment {
  readonly number: number
  bytes: number
  sealed: boolean
  doneAtMs: number | undefined
  /** How far it has been scanned by whichever lane went first. */
  scannedTo: number
  /** Bytes before `scannedTo` that belong to no whole record, and whole records come after them. */
  damagedBytes: number
  /** Such bytes just before `scannedTo`: when nothing follows, a torn tail, which a crash leaves. */
  tailBytes: number
}

export function trackSegment(number: number, bytes: number, sealed: boolean): TrackedSegment {
  const nothingYet = { doneAtMs: undefined, damagedBytes: 0, tailBytes: 0 }
  return { number, bytes, sealed, scannedTo: segmentHeaderBytes, ...nothingYet }
}

/** Lanes scan the same bytes at different times; what is damaged is counted by the first of them. */
export function noteDamage(
  segment: TrackedSegment,
  scan: Scan,
  startOffset: number,
  endOffset: number,
): void {
  if (endOffset <= segment.scannedTo) return
  if (scan.damagedBytes > 0 || segment.tailBytes > 0) {
    let doneTo = Math.max(startOffset, segment.scannedTo)
    for (const { end, frame } of scan.records) {
      const recordEnd = startOffset + end
      if (recordEnd <= doneTo) continue
      segment.damagedBytes += segment.tailBytes + recordEnd - recordHeadBytes - frame.length - doneTo
      segment.tailBytes = 0
      doneTo = recordEnd
    }
    segment.tailBytes += endOffset - doneTo
  }
  segment.scannedTo = endOffset
}

/** What lies at the end and is no record is damage after all. */
export function countTail(segment: TrackedSegment): void {
  segment.damagedBytes += segment.tailBytes
  segment.tailBytes = 0
}
