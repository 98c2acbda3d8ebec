/** The sender of one folder: segments as files, the checkpoint beside them, the topic behind them. */
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Logger } from '@linkfleet/runtime/log'
import { planAdoption } from '../../domain/spool/adoption.ts'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../domain/spool/checkpoint.ts'
import { decodeSegmentHeader, segmentHeaderBytes } from '../../domain/spool/segment-format.ts'
import { SpoolSender, type SpoolSenderPorts } from '../../domain/spool/spool-sender.ts'
import type { FolderReport, Growth } from '../kafka-thread/messages.ts'
import { checkpointName, listSegments, readSegment, segmentName } from './spool-folder.ts'

export interface FolderSenderOptions {
  readonly path: string
  readonly producerId: Buffer
  /** Whether this process appends to it: then it is told of what there is, and does not look for itself. */
  readonly own: boolean
  readonly topic: { send(partition: number, value: Buffer): Promise<void> }
  readonly bootId: Buffer
  /** For reading; folders whose steps do not overlap share it. */
  readonly chunk: Buffer
  /** Where clicks and segments go that can never be sent. */
  readonly setAsideDir: string
  readonly log: Logger
  /** The time of day, which tells how old a segment is. */
  readonly clock?: () => number
  readonly monotonicClock?: () => number
}

type Counts = Pick<FolderReport, 'damagedBytes' | 'setAsideClicks' | 'sentMessages'>

export class FolderSender {
  readonly #options: FolderSenderOptions
  readonly #growth: Growth[] = []
  #told: Growth = { segment: 0, bytes: 0, sealed: false }
  #sender: SpoolSender | undefined
  #opened = false
  #resting = false
  #complained = false
  /** A segment that cannot be read could not be set aside either, for want of disk: that is tried again after all others are sent. */
  #leftBehind = false
  /** Of an adopted folder that is not open: what it held when somebody last looked. */
  #closedBytes = { bytes: 0, unsentBytes: 0 }
  #closedCounts: Counts = { damagedBytes: 0, setAsideClicks: 0, sentMessages: 0 }

  constructor(options: FolderSenderOptions) {
    this.#options = options
  }

  /** An adopted folder from which everything was sent and removed. */
  get isFinished(): boolean {
    return (
      this.#opened &&
      !this.#options.own &&
      !this.#leftBehind &&
      (this.#sender === undefined || this.#sender.isEmpty)
    )
  }

  /** Everything was sent; what is kept for a while needs no memory. */
  get isSent(): boolean {
    return this.#opened && (this.#sender === undefined || this.#sender.unsentBytes === 0)
  }

  get isBehind(): boolean {
    return this.#sender?.isBehind ?? false
  }

  extend(segment: number, bytes: number, sealed: boolean): void {
    this.#growth.push({ segment, bytes, sealed })
  }

  /** Looks how much an adopted folder holds whose turn to be sent has not come. Never rejects. */
  async measure(): Promise<void> {
    try {
      let bytes = 0
      for (const number of await listSegments(this.#options.path)) {
        bytes += (await stat(this.#pathOf(number))).size
      }
      this.#closedBytes = { bytes, unsentBytes: bytes }
    } catch (cause) {
      this.#failed('measure', cause)
    }
  }

  async step(hurry: boolean, keepMs: number): Promise<void> {
    if (this.#options.own && this.#growth.length === 0 && !this.#opened) return
    this.#resting = false
    try {
      await this.#open()
    } catch (cause) {
      this.#failed('open', cause)
      return
    }
    for (const { segment, bytes, sealed } of this.#growth.splice(0)) {
      this.#sender?.extend(segment, bytes, sealed)
      this.#told = { segment, bytes, sealed }
    }
    await this.#sender?.step(hurry, keepMs)
    if (!this.#options.own && this.isSent) this.#sender?.release()
    if (this.#leftBehind && (this.#sender === undefined || this.#sender.isEmpty)) this.#shut()
  }

  /**
   * Gives up the memory of an adopted folder until its next step, as soon as nothing is on its way to Kafka.
   * Resolves with whether that is done.
   */
  async rest(): Promise<boolean> {
    this.#resting = true
    const sender = this.#sender
    if (sender?.isIdle === false) return false
    await sender?.save()
    // A step that came in between goes on.
    if (!this.#resting) return false
    this.#shut()
    return true
  }

  #shut(): void {
    const { bytes, unsentBytes, ...counts } = this.report(this.#options.path)
    this.#closedBytes = { bytes, unsentBytes }
    this.#closedCounts = counts
    this.#sender = undefined
    this.#opened = false
  }

  report(path: string): FolderReport {
    const sender = this.#sender
    const { damagedBytes, setAsideClicks, sentMessages } = this.#closedCounts
    return {
      path,
      bytes: sender?.bytes ?? this.#closedBytes.bytes,
      unsentBytes: sender?.unsentBytes ?? this.#closedBytes.unsentBytes,
      damagedBytes: damagedBytes + (sender?.damagedBytes ?? 0),
      setAsideClicks: setAsideClicks + (sender?.setAsideClicks ?? 0),
      sentMessages: sentMessages + (sender?.sentMessages ?? 0),
      firstSegment: sender?.firstSegment ?? (sender === undefined ? 0 : this.#told.segment + 1),
      segment: this.#told.segment,
      segmentBytes: this.#told.bytes,
      finished: false,
    }
  }

  async close(): Promise<void> {
    await this.#sender?.save()
  }

  async #open(): Promise<void> {
    if (this.#opened) return
    if (this.#options.own) await this.#openOwn()
    else await this.#openAdopted()
    this.#opened = true
  }

  /**
   * The segments are told of as they grow; the partition count is in the header of each. To a sender that starts anew the
   * first ones may be told of though they were sent and removed.
   */
  async #openOwn(): Promise<void> {
    for (const segment of new Set(this.#growth.map((growth) => growth.segment))) {
      const header = await this.#readHeader(segment)
      if (header === undefined) continue
      const checkpoint = decodeCheckpoint(await this.#readCheckpoint(), header.partitionCount)
      this.#sender = this.#createSender(header.partitionCount, checkpoint)
      return
    }
    throw new Error('no own segment has a header')
  }

  async #openAdopted(): Promise<void> {
    const { path, producerId, bootId, clock = Date.now } = this.#options
    const found = []
    for (const number of await listSegments(path)) {
      const { size } = await stat(this.#pathOf(number))
      found.push({ number, bytes: size, header: await this.#readHeader(number) })
    }
    const checkpointText = await this.#readCheckpoint()
    const adoption = planAdoption(found, { producerId, bootId, nowMs: clock(), checkpointText })
    this.#leftBehind = false
    for (const { number } of adoption.setAside) {
      try {
        await this.#setSegmentAside(number)
      } catch (cause) {
        this.#leftBehind = true
        this.#failed('set aside', cause)
      }
    }
    for (const { number } of adoption.empty) await rm(this.#pathOf(number), { force: true })
    this.#closedBytes = { bytes: 0, unsentBytes: 0 }
    if (adoption.partitionCount === undefined) return
    const sender = this.#createSender(adoption.partitionCount, adoption.checkpoint)
    for (const { number, bytes } of adoption.segments) sender.extend(number, bytes, true)
    this.#sender = sender
  }

  #createSender(partitionCount: number, checkpoint: Checkpoint): SpoolSender {
    const { producerId, topic, path, monotonicClock = () => performance.now() } = this.#options
    const ports: SpoolSenderPorts = {
      read: (segment, offset, target) => readSegment(path, segment, offset, target),
      remove: (segment) => rm(this.#pathOf(segment), { force: true }),
      setSegmentAside: (segment) => this.#setSegmentAside(segment),
      send: (partition, value) => topic.send(partition, value),
      async save(state) {
        await writeFile(join(path, `${checkpointName}.new`), encodeCheckpoint(state), { mode: 0o600 })
        await rename(join(path, `${checkpointName}.new`), join(path, checkpointName))
      },
      setAside: (partition, frame) => this.#setClickAside(partition, frame),
      failed: (what, cause) => this.#failed(what, cause),
    }
    const { chunk } = this.#options
    return new SpoolSender({ producerId, partitionCount, checkpoint, ports, chunk, monotonicClock })
  }

  #pathOf(segment: number): string {
    return join(this.#options.path, segmentName(segment))
  }

  async #readHeader(segment: number) {
    const target = Buffer.alloc(segmentHeaderBytes)
    const bytes = await readSegment(this.#options.path, segment, 0, target)
    return decodeSegmentHeader(target.subarray(0, bytes))
  }

  async #readCheckpoint(): Promise<string | undefined> {
    try {
      return await readFile(join(this.#options.path, checkpointName), 'utf8')
    } catch {
      return undefined
    }
  }

  async #setSegmentAside(segment: number): Promise<void> {
    const { setAsideDir, path, log } = this.#options
    const target = join(setAsideDir, `${basename(path)}-${segmentName(segment)}`)
    await mkdir(setAsideDir, { recursive: true })
    await rename(this.#pathOf(segment), target)
    log.error({ segment: target }, 'a spool segment cannot be read to its end and was set aside')
  }

  async #setClickAside(partition: number, frame: Buffer): Promise<void> {
    const { setAsideDir, path, log } = this.#options
    await mkdir(setAsideDir, { recursive: true })
    await appendFile(join(setAsideDir, `${basename(path)}-refused.clicks`), frame, { mode: 0o600 })
    log.error({ partition }, 'Kafka refused a click for good and it was set aside')
  }

  /** Kafka may be away for hours: what is said once is enough, and the metrics tell the rest. */
  #failed(what: string, cause: unknown): void {
    this.#options.log[this.#complained ? 'debug' : 'warn']({ err: cause, what }, 'clicks wait in the spool')
    this.#complained = true
  }
}
