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

const beginning: SpoolPosition = { segment: 0, offset: 0 }

/** Consecutive records of a lane that were read together. A batch holds whole runs. */
interface Run {
  readonly bytes: number
  readonly lastSequence: number
  /** Everything of this lane before it is in this run or in an earlier one. */
  readonly end: SpoolPosition
}

/** What is sent in one message. */
export interface Batch {
  /** Its head, and the frames of its records: a view of the lane's memory, which stays as it is until the batch is settled. */
  readonly message: Buffer
  readonly runs: number
}

/**
 * What all lanes of a producer may hold together, read and not yet acknowledged, and how much memory they keep when they
 * hold nothing. A lane may hold a chunk more, and its memory be twice that while it grows.
 */
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

const memoryBytesMin = 16 * 1024

export function comparePositions(a: SpoolPosition, b: SpoolPosition): number {
  return a.segment === b.segment ? a.offset - b.offset : a.segment - b.segment
}

export class Lane {
  readonly partition: number
  readonly #bytesMax: number
  readonly #head: Buffer
  /** Records before it have been read. */
  position: SpoolPosition = beginning
  lastReadSequence: number
  acknowledged: number
  /** Everything of this lane before it has been acknowledged. */
  acknowledgedTo: SpoolPosition = beginning
  sending = false
  failures = 0
  notBeforeMs = 0
  /** The last click of this lane that was set aside: a batch that is tried again does not set it aside twice. */
  setAsideTo = 0
  #runs: Run[] = []
  /**
   * The head, which every message begins with, and `#bytes` of frames; the last `#openBytes` belong to no run yet. Used again
   * and again, and messages are views of it: to V8 buffers that live for some hundred milliseconds are old ones, and a few
   * megabytes of them are reason enough for a major collection.
   */
  #memory: Buffer
  #bytes = 0
  #openBytes = 0
  #oldestAtMs = 0

  /**
   * It reads on while it holds less than `bytesMax`, and keeps no more memory than that once it holds nothing. `head` is
   * what stands before the frames in each message.
   */
  constructor(partition: number, acknowledged: number, bytesMax: number, head: Buffer) {
    this.partition = partition
    this.#bytesMax = bytesMax
    this.#head = head
    this.#memory = head
    this.acknowledged = acknowledged
    this.lastReadSequence = acknowledged
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What it takes for them, used or not. */
  get memoryBytes(): number {
    return this.#memory.length
  }

  /** Whether it may read further. */
  get hasRoom(): boolean {
    return this.#bytes < this.#bytesMax
  }

  /** Whether a batch need not wait for company. */
  get isFull(): boolean {
    return this.#bytes >= batchBytesEnough
  }

  /** Copies a frame, of the record that follows all those before. */
  append(frame: Buffer, sequence: number): void {
    const end = clickBatchHeadBytes + this.#bytes
    if (end + frame.length > this.#memory.length) this.#grow(end + frame.length)
    this.#memory.set(frame, end)
    this.#bytes += frame.length
    this.#openBytes += frame.length
    this.lastReadSequence = sequence
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#memory.length, memoryBytesMin))
    this.#memory.copy(larger, 0, 0, clickBatchHeadBytes + this.#bytes)
    this.#memory = larger
  }

  /** What was appended since the last time is a run: with it, everything before `end` has been read. */
  endRun(end: SpoolPosition, nowMs: number): void {
    if (this.#openBytes > 0) {
      if (this.#runs.length === 0) this.#oldestAtMs = nowMs
      this.#runs.push({ bytes: this.#openBytes, lastSequence: this.lastReadSequence, end })
      this.#openBytes = 0
    }
    this.moveTo(end)
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

  /** The next batch, of the oldest records; they stay here until it is settled. */
  next(): Batch {
    let bytes = clickBatchHeadBytes
    let runs = 0
    for (const run of this.#runs) {
      if (bytes + run.bytes > clickBatchBytesMax && runs > 0) break
      bytes += run.bytes
      runs += 1
    }
    return { message: this.#memory.subarray(0, bytes), runs }
  }

  /** The batch, the last that was asked for, was acknowledged. */
  settle({ message, runs }: Batch, nowMs: number): void {
    const last = this.#runs[runs - 1]!
    this.#runs.splice(0, runs)
    this.#memory.copyWithin(clickBatchHeadBytes, message.length, clickBatchHeadBytes + this.#bytes)
    this.#bytes -= message.length - clickBatchHeadBytes
    if (this.#memory.length > this.#bytesMax) this.release()
    this.#oldestAtMs = nowMs
    this.acknowledged = last.lastSequence
    this.acknowledgedTo = this.#runs.length === 0 ? this.position : last.end
  }

  /** Gives back its memory, if it holds nothing. */
  release(): void {
    if (this.#bytes === 0) this.#memory = this.#head
  }
}
