/**
 * The way of one partition's clicks from a producer's segments to Kafka. It reads on by itself: a partition whose
 * leader is away keeps no other one waiting, and memory holds a bounded part of what it has yet to send.
 */
import { clickBatchBytesMax, clickBatchHeadBytes } from '@linkfleet/contracts/clicks'

/** A place in a producer's segments, between two records. */
export interface SpoolPosition {
  readonly segment: number
  readonly offset: number
}

/** Frames of consecutive records of a lane, in one piece. */
export interface Run {
  readonly frames: Buffer
  readonly lastSequence: number
  /** Everything of this lane before it is in this run or in an earlier one. */
  readonly end: SpoolPosition
}

/** What all lanes of a producer may hold together, read and not yet acknowledged; a chunk more for each is bounded too. */
const lanesBytesMax = 8 * 1024 * 1024

/** How much a lane holds before it reads no further. */
export function laneBytesMaxOf(partitionCount: number): number {
  return Math.min(clickBatchBytesMax, Math.ceil(lanesBytesMax / partitionCount))
}

/**
 * A batch of this size is worth a message of its own; a smaller one waits for company. A message costs the sender
 * about as much as sixty clicks, so with many partitions the waiting saves more than anything else here; what it adds
 * to the age of a click is small beside the two seconds in which one is to be visible.
 */
const batchBytesEnough = 128 * 1024
const lingerMs = 250

export function comparePositions(a: SpoolPosition, b: SpoolPosition): number {
  return a.segment === b.segment ? a.offset - b.offset : a.segment - b.segment
}

export class Lane {
  readonly partition: number
  /** Records before it have been read. */
  position: SpoolPosition
  lastReadSequence: number
  acknowledged: number
  /** Everything of this lane before it has been acknowledged. */
  acknowledgedTo: SpoolPosition
  sending = false
  failures = 0
  notBeforeMs = 0
  /** The last click of this lane that was set aside: a batch that is tried again does not set it aside twice. */
  setAsideTo = 0
  #runs: Run[] = []
  #bytes = 0
  #oldestAtMs = 0

  constructor(partition: number, acknowledged: number, start: SpoolPosition) {
    this.partition = partition
    this.acknowledged = acknowledged
    this.lastReadSequence = acknowledged
    this.position = start
    this.acknowledgedTo = start
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether a batch need not wait for company. */
  get isFull(): boolean {
    return this.#bytes >= batchBytesEnough
  }

  push(run: Run, nowMs: number): void {
    if (this.#runs.length === 0) this.#oldestAtMs = nowMs
    this.#runs.push(run)
    this.#bytes += run.frames.length
  }

  /** Moves on to `position`; with nothing on its way, everything before it is done with. */
  moveTo(position: SpoolPosition): void {
    this.position = position
    if (this.#runs.length === 0 && !this.sending) this.acknowledgedTo = position
  }

  isReady(nowMs: number, hurry: boolean): boolean {
    if (this.sending || this.#runs.length === 0 || nowMs < this.notBeforeMs) return false
    return hurry || this.isFull || nowMs - this.#oldestAtMs >= lingerMs
  }

  /** The runs of the next batch, the oldest first; they stay here until they are settled. */
  next(): readonly Run[] {
    let bytes = clickBatchHeadBytes
    let count = 0
    for (const run of this.#runs) {
      bytes += run.frames.length
      if (bytes > clickBatchBytesMax && count > 0) break
      count += 1
    }
    return this.#runs.slice(0, count)
  }

  /** The batch of `runs`, which are the oldest here, was acknowledged. */
  settle(runs: readonly Run[], nowMs: number): void {
    const last = runs.at(-1)!
    this.#runs = this.#runs.slice(runs.length)
    for (const run of runs) this.#bytes -= run.frames.length
    this.#oldestAtMs = nowMs
    this.acknowledged = last.lastSequence
    this.acknowledgedTo = this.#runs.length === 0 ? this.position : last.end
  }
}
