/**
 * Sends the clicks of one producer from its segments to Kafka, each partition in order and one message at a time.
 *
 * A partition's checkpoint moves when the acknowledgement of its own message came, never past a failed one. What
 * is sent again after a crash or an unclear answer is dropped by the readers, which keep the highest sequence of
 * each producer and partition.
 */
import { backoffMs } from '@linkfleet/runtime/backoff'
import type { Checkpoint } from './checkpoint.ts'
import { comparePositions, Lane, laneBytesMax, type SpoolPosition } from './lane.ts'
import { recordBytesMax, scanRecords, segmentHeaderBytes } from './segment-format.ts'
import { type BatchPorts, sendBatch } from './send-batch.ts'

export interface SpoolSenderPorts extends BatchPorts {
  /** Bytes of a segment from `offset` on, `bytesMax` of them unless the file is shorter. Rejects on failure. */
  read(segment: number, offset: number, bytesMax: number): Promise<Buffer>
  remove(segment: number): Promise<void>
  save(checkpoint: Checkpoint): Promise<void>
  /** Told of what went wrong; must not throw. */
  failed(what: 'read' | 'send' | 'save' | 'remove', cause: unknown): void
}

export interface SpoolSenderOptions {
  readonly producerId: Buffer
  readonly partitionCount: number
  readonly checkpoint: Checkpoint
  readonly ports: SpoolSenderPorts
  readonly clock: () => number
  readonly random?: () => number
}

interface Segment {
  readonly number: number
  bytes: number
  sealed: boolean
  doneAtMs: number | undefined
}

const chunkBytes = 256 * 1024
const chunksPerStepMax = 16
const saveEveryMs = 200
/** What was sent is kept for this long: after a loss of power Kafka may have forgotten it. */
export const sentKeptMs = 60_000

export class SpoolSender {
  readonly #options: SpoolSenderOptions
  readonly #segments: Segment[] = []
  readonly #lanes: Lane[]
  readonly #inFlight = new Set<Promise<void>>()
  #acknowledgedAtMs: number
  #unsaved = false
  #savedAtMs = 0
  #damagedBytes = 0
  #setAside = 0
  #sentMessages = 0

  constructor(options: SpoolSenderOptions) {
    this.#options = options
    this.#acknowledgedAtMs = options.checkpoint.acknowledgedAtMs
    const start = { segment: 0, offset: 0 }
    this.#lanes = options.checkpoint.acknowledged.map(
      (sequence, partition) => new Lane(partition, sequence, start),
    )
  }

  get damagedBytes(): number {
    return this.#damagedBytes
  }

  get setAsideClicks(): number {
    return this.#setAside
  }

  get sentMessages(): number {
    return this.#sentMessages
  }

  /** Bytes on disk, those that were sent and are kept for a while included. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /** Bytes from the first record that is not acknowledged on: an upper bound of what is yet to be sent. */
  get unsentBytes(): number {
    const done = this.#earliest((lane) => lane.acknowledgedTo)
    let bytes = 0
    for (const segment of this.#segments) {
      if (segment.number < done.segment) continue
      const from =
        segment.number === done.segment ? Math.max(done.offset, segmentHeaderBytes) : segmentHeaderBytes
      bytes += Math.max(0, segment.bytes - from)
    }
    return bytes
  }

  get firstSegment(): number | undefined {
    return this.#segments[0]?.number
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0
  }

  /** Tells of a segment, or that it grew. Only whole records up to `bytes` are read. Segments come in order. */
  extend(number: number, bytes: number, sealed: boolean): void {
    const known = this.#segments.find((segment) => segment.number === number)
    if (known === undefined) this.#segments.push({ number, bytes, sealed, doneAtMs: undefined })
    else {
      known.bytes = Math.max(known.bytes, bytes)
      known.sealed = sealed
    }
  }

  /**
   * Reads on, starts what is ready to be sent, and clears away. Steps must not overlap; sends do, each partition
   * having at most one on its way. `hurry` sends small batches at once; `keepMs` is how long sent segments stay.
   */
  async step(hurry = false, keepMs = sentKeptMs): Promise<void> {
    const nowMs = this.#options.clock()
    await this.#read(nowMs)
    for (const lane of this.#lanes) {
      if (!lane.isReady(nowMs, hurry)) continue
      const sending = this.#send(lane).finally(() => this.#inFlight.delete(sending))
      this.#inFlight.add(sending)
    }
    if (this.#unsaved && (hurry || nowMs - this.#savedAtMs >= saveEveryMs)) await this.save()
    await this.#clear(nowMs, keepMs)
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight)
  }

  async save(): Promise<void> {
    this.#savedAtMs = this.#options.clock()
    this.#unsaved = false
    const acknowledged = this.#lanes.map((lane) => lane.acknowledged)
    try {
      await this.#options.ports.save({ acknowledged, acknowledgedAtMs: this.#acknowledgedAtMs })
    } catch (cause) {
      this.#unsaved = true
      this.#options.ports.failed('save', cause)
    }
  }

  async #read(nowMs: number): Promise<void> {
    for (let chunk = 0; chunk < chunksPerStepMax; chunk += 1) {
      this.#enterNextSegments()
      const start = this.#nextToRead()
      if (start === undefined) return
      const segment = this.#segments.find(({ number }) => number === start.segment)!
      const wanted = Math.min(chunkBytes, segment.bytes - start.offset)
      let bytes: Buffer
      try {
        bytes = await this.#options.ports.read(segment.number, start.offset, wanted)
      } catch (cause) {
        this.#options.ports.failed('read', cause)
        return
      }
      // A file that is shorter than it was said to be lost its end with the power: the rest will never come.
      if (bytes.length < wanted) segment.bytes = start.offset + bytes.length
      const atEnd = start.offset + bytes.length === segment.bytes
      if (this.#take(bytes, start, atEnd, nowMs) === 0 && !atEnd && bytes.length >= recordBytesMax) return
    }
  }

  /** Lanes at the end of a sealed segment, or of one that is gone, go on with the next one. */
  #enterNextSegments(): void {
    for (const lane of this.#lanes) {
      for (const segment of this.#segments) {
        if (segment.number < lane.position.segment) continue
        if (segment.number > lane.position.segment) {
          lane.moveTo({ segment: segment.number, offset: segmentHeaderBytes })
        }
        if (!segment.sealed || lane.position.offset < segment.bytes) break
        lane.moveTo({ segment: segment.number + 1, offset: segmentHeaderBytes })
      }
    }
  }

  #nextToRead(): SpoolPosition | undefined {
    let next: SpoolPosition | undefined
    for (const lane of this.#lanes) {
      if (lane.bytes >= laneBytesMax) continue
      const segment = this.#segments.find(({ number }) => number === lane.position.segment)
      if (segment === undefined || lane.position.offset >= segment.bytes) continue
      if (next === undefined || comparePositions(lane.position, next) < 0) next = lane.position
    }
    return next
  }

  /** Deals the records of a chunk to the lanes that have read everything before it. Returns the bytes consumed. */
  #take(bytes: Buffer, start: SpoolPosition, atEnd: boolean, nowMs: number): number {
    const { records, consumedBytes, damagedBytes } = scanRecords(bytes, this.#options.partitionCount, atEnd)
    const endOffset = start.offset + consumedBytes
    const reading = this.#lanes.map(
      (lane) =>
        lane.bytes < laneBytesMax &&
        lane.position.segment === start.segment &&
        lane.position.offset >= start.offset &&
        lane.position.offset <= endOffset,
    )
    const frames = this.#lanes.map((): Buffer[] => [])
    for (const { partition, sequence, frame, end } of records) {
      const lane = this.#lanes[partition]!
      if (!reading[partition] || start.offset + end <= lane.position.offset) continue
      if (sequence <= lane.lastReadSequence) continue
      lane.lastReadSequence = sequence
      frames[partition]!.push(frame)
    }
    const end = { segment: start.segment, offset: endOffset }
    for (const lane of this.#lanes) {
      if (!reading[lane.partition]) continue
      const own = frames[lane.partition]!
      if (own.length > 0) {
        lane.push({ frames: Buffer.concat(own), lastSequence: lane.lastReadSequence, end }, nowMs)
      }
      lane.moveTo(end)
    }
    this.#damagedBytes += damagedBytes
    return consumedBytes
  }

  async #send(lane: Lane): Promise<void> {
    const runs = lane.next()
    lane.sending = true
    try {
      const { ports, producerId } = this.#options
      const pieces = runs.map((run) => run.frames)
      const sent = await sendBatch(ports, producerId, lane.partition, pieces)
      lane.sending = false
      lane.failures = 0
      this.#sentMessages += sent.messages
      this.#setAside += sent.setAside
      const nowMs = this.#options.clock()
      lane.settle(runs, nowMs)
      this.#acknowledgedAtMs = nowMs
      this.#unsaved = true
    } catch (cause) {
      lane.sending = false
      const waitMs = backoffMs(lane.failures, { baseMs: 100, maxMs: 3_000 }, this.#options.random)
      lane.notBeforeMs = this.#options.clock() + waitMs
      lane.failures += 1
      this.#options.ports.failed('send', cause)
    }
  }

  async #clear(nowMs: number, keepMs: number): Promise<void> {
    const done = this.#earliest((lane) => lane.acknowledgedTo)
    for (const segment of [...this.#segments]) {
      if (segment.number >= done.segment) return
      segment.doneAtMs ??= Math.max(this.#acknowledgedAtMs, 0)
      if (nowMs - segment.doneAtMs < keepMs) return
      // What was acknowledged is on record before what proves it goes.
      if (this.#unsaved) await this.save()
      if (this.#unsaved) return
      try {
        await this.#options.ports.remove(segment.number)
      } catch (cause) {
        this.#options.ports.failed('remove', cause)
        return
      }
      this.#segments.shift()
    }
  }

  #earliest(positionOf: (lane: Lane) => SpoolPosition): SpoolPosition {
    return this.#lanes.map(positionOf).reduce((a, b) => (comparePositions(a, b) <= 0 ? a : b))
  }
}
