/**
 * Sends the clicks of one producer from its segments to Kafka, each partition in order and one message at a time.
 *
 * A partition's checkpoint moves when the acknowledgement of its own message came, never past a failed one. What
 * is sent again after a crash or an unclear answer is dropped by the readers, which keep the highest sequence of
 * each producer and partition.
 */
import { clickBatchHead } from '@linkfleet/contracts/clicks'
import { backoffMs } from '@linkfleet/runtime/backoff'
import type { Checkpoint } from './checkpoint.ts'
import { sequenceOfFrame } from './frames.ts'
import { comparePositions, Lane, laneBytesMaxOf, type SpoolPosition } from './lane.ts'
import { recordBytesMax, scanRecords, segmentHeaderBytes } from './segment-format.ts'
import { type BatchPorts, sendBatch } from './send-batch.ts'
import { countTail, noteDamage, type TrackedSegment, trackSegment } from './tracked-segment.ts'

export interface SpoolSenderPorts extends BatchPorts {
  /**
   * Fills `target` with bytes of a segment from `offset` on, and gives back how many: fewer where the file is shorter,
   * none when it is gone. Rejects on failure, and is then asked again.
   */
  read(segment: number, offset: number, target: Buffer): Promise<number>
  remove(segment: number): Promise<void>
  /** Keeps a segment, in which records were damaged, for somebody to look at, out of the way. */
  setSegmentAside(segment: number): Promise<void>
  save(checkpoint: Checkpoint): Promise<void>
  /** Told of what went wrong; must not throw. */
  failed(what: 'read' | 'send' | 'save' | 'remove', cause: unknown): void
}

export interface SpoolSenderOptions {
  readonly producerId: Buffer
  readonly partitionCount: number
  readonly checkpoint: Checkpoint
  readonly ports: SpoolSenderPorts
  /** What is read goes through it, over and over. Senders whose steps do not overlap may share one. */
  readonly chunk: Buffer
  /** Milliseconds that only ever grow, since a wall clock that is set back would hold up every wait. */
  readonly monotonicClock: () => number
  readonly random?: () => number
}

export const chunkBytes = 256 * 1024
const chunksPerStepMax = 16
const saveEveryMs = 200
/** What was sent is kept for this long: after a loss of power Kafka may have forgotten it. */
export const sentKeptMs = 60_000

export class SpoolSender {
  readonly #options: SpoolSenderOptions
  readonly #segments: TrackedSegment[] = []
  readonly #lanes: Lane[]
  readonly #inFlight = new Set<Promise<void>>()
  #unsaved = false
  #savedAtMs = Number.NEGATIVE_INFINITY
  #damagedBytes = 0
  #setAside = 0
  #sentMessages = 0

  constructor(options: SpoolSenderOptions) {
    this.#options = options
    const bytesMax = laneBytesMaxOf(options.partitionCount)
    const head = clickBatchHead(options.producerId)
    const { acknowledged } = options.checkpoint
    this.#lanes = acknowledged.map((sequence, lane) => new Lane(lane, sequence, bytesMax, head))
  }

  /** Bytes of whole records that were damaged, each counted once. A torn tail is none. */
  get damagedBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.damagedBytes, this.#damagedBytes)
  }

  /** Whether nothing is on its way to Kafka. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0
  }

  /** Whether a whole batch waits. */
  get isBehind(): boolean {
    return this.#lanes.some(({ isFull }) => isFull)
  }

  get setAsideClicks(): number {
    return this.#setAside
  }

  get sentMessages(): number {
    return this.#sentMessages
  }

  /** Bytes on disk, those that were sent and are kept for a while included. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Bytes from the first record that is not acknowledged on: an upper bound of what is yet to be sent. */
  get unsentBytes(): number {
    const done = this.#earliest((lane) => lane.acknowledgedTo)
    let bytes = 0
    for (const segment of this.#segments) {
      if (segment.number < done.segment) continue
      const from = segment.number === done.segment ? done.offset : 0
      bytes += Math.max(0, segment.bytes - Math.max(from, segmentHeaderBytes))
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
    if (known === undefined) this.#segments.push(trackSegment(number, bytes, sealed))
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
    const nowMs = this.#options.monotonicClock()
    await this.#read(nowMs)
    for (const lane of this.#lanes) {
      if (!lane.isReady(nowMs, hurry)) continue
      const sending = this.#send(lane).finally(() => this.#inFlight.delete(sending))
      this.#inFlight.add(sending)
    }
    if (this.#unsaved && (hurry || nowMs - this.#savedAtMs >= saveEveryMs)) await this.save()
    await this.#clear(keepMs)
  }

  release(): void {
    for (const lane of this.#lanes) lane.release()
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight)
  }

  async save(): Promise<void> {
    this.#savedAtMs = this.#options.monotonicClock()
    this.#unsaved = false
    const acknowledged = this.#lanes.map((lane) => lane.acknowledged)
    try {
      await this.#options.ports.save({ acknowledged })
    } catch (cause) {
      this.#unsaved = true
      this.#options.ports.failed('save', cause)
    }
  }

  async #read(nowMs: number): Promise<void> {
    for (let turn = 0; turn < chunksPerStepMax; turn += 1) {
      this.#enterNextSegments()
      const start = this.#nextToRead()
      if (start === undefined) return
      const segment = this.#segments.find(({ number }) => number === start.segment)!
      const { chunk, ports } = this.#options
      const target = chunk.subarray(0, segment.bytes - start.offset)
      let bytes: Buffer
      try {
        bytes = target.subarray(0, await ports.read(segment.number, start.offset, target))
      } catch (cause) {
        ports.failed('read', cause)
        return
      }
      // A file that is shorter than it was said to be lost its end with the power: the rest will never come.
      if (bytes.length < target.length) segment.bytes = start.offset + bytes.length
      const atEnd = start.offset + bytes.length === segment.bytes
      const taken = this.#take(bytes, segment, start, atEnd, nowMs)
      if (taken === 0 && !atEnd && bytes.length >= recordBytesMax) return
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
      if (!lane.hasRoom) continue
      const segment = this.#segments.find(({ number }) => number === lane.position.segment)
      if (segment === undefined || lane.position.offset >= segment.bytes) continue
      if (next === undefined || comparePositions(lane.position, next) < 0) next = lane.position
    }
    return next
  }

  /** Deals the records of a chunk to the lanes that have read everything before it. Returns the bytes consumed. */
  #take(bytes: Buffer, segment: TrackedSegment, start: SpoolPosition, atEnd: boolean, nowMs: number): number {
    const scan = scanRecords(bytes, this.#options.partitionCount, atEnd)
    const { records, consumedBytes } = scan
    const endOffset = start.offset + consumedBytes
    const reading = this.#lanes.map(
      (lane) =>
        lane.hasRoom &&
        lane.position.segment === start.segment &&
        lane.position.offset >= start.offset &&
        lane.position.offset <= endOffset,
    )
    for (const { partition, sequence, frame, end } of records) {
      const lane = this.#lanes[partition]!
      if (!reading[partition] || start.offset + end <= lane.position.offset) continue
      if (sequence <= lane.lastReadSequence) continue
      lane.append(frame, sequence)
    }
    const end = { segment: start.segment, offset: endOffset }
    for (const lane of this.#lanes) {
      if (reading[lane.partition]) lane.endRun(end, nowMs)
    }
    noteDamage(segment, scan, start.offset, endOffset)
    return consumedBytes
  }

  async #send(lane: Lane): Promise<void> {
    const { monotonicClock, ports, producerId, random } = this.#options
    const batch = lane.next()
    lane.sending = true
    try {
      const sent = await sendBatch(this.#portsOf(lane), producerId, lane.partition, batch.message)
      this.#sentMessages += sent
      lane.sending = false
      lane.failures = 0
      lane.settle(batch, monotonicClock())
      this.#unsaved = true
    } catch (cause) {
      lane.sending = false
      lane.notBeforeMs = monotonicClock() + backoffMs(lane.failures, { baseMs: 100, maxMs: 3_000 }, random)
      lane.failures += 1
      ports.failed('send', cause)
    }
  }

  /** A batch of which one half was set aside and the other not acknowledged is tried again whole. */
  #portsOf(lane: Lane): BatchPorts {
    const { ports } = this.#options
    return {
      send: (partition, value) => ports.send(partition, value),
      setAside: async (partition, frame) => {
        const sequence = sequenceOfFrame(frame)
        if (sequence <= lane.setAsideTo) return
        await ports.setAside(partition, frame)
        lane.setAsideTo = sequence
        this.#setAside += 1
      },
    }
  }

  async #clear(keepMs: number): Promise<void> {
    const { monotonicClock, ports } = this.#options
    // Acknowledgements came while the step waited for the disk, so the time at which it began will not do.
    const nowMs = monotonicClock()
    const done = this.#earliest((lane) => lane.acknowledgedTo)
    const sent = this.#segments.filter(({ number }) => number < done.segment)
    for (const segment of sent) segment.doneAtMs ??= nowMs
    for (const segment of sent) {
      if (nowMs - segment.doneAtMs! < keepMs) return
      // What was acknowledged is on record before it goes, where that can be had: on a full disk it cannot, and
      // a start that knows less sends again only what is still there, which the marks make harmless.
      if (this.#unsaved) await this.save()
      // Only the last segment of a producer may end in a torn record: a crash leaves that, and nobody was answered.
      if (this.#segments.length > 1) countTail(segment)
      try {
        if (segment.damagedBytes > 0) await ports.setSegmentAside(segment.number)
        else await ports.remove(segment.number)
      } catch (cause) {
        ports.failed('remove', cause)
        return
      }
      this.#segments.shift()
      this.#damagedBytes += segment.damagedBytes
    }
  }

  #earliest(positionOf: (lane: Lane) => SpoolPosition): SpoolPosition {
    return this.#lanes.map(positionOf).reduce((a, b) => (comparePositions(a, b) <= 0 ? a : b))
  }
}
