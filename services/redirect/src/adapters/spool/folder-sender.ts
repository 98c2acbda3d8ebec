/** The sender of one folder: segments as files, the checkpoint beside them, the topic behind them. */
import { appendFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Logger } from '@linkfleet/runtime/log'
import { decodeCheckpoint, emptyCheckpoint, encodeCheckpoint } from '../../domain/spool/checkpoint.ts'
import {
  decodeSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
} from '../../domain/spool/segment-format.ts'
import { SpoolSender, type SpoolSenderPorts } from '../../domain/spool/spool-sender.ts'
import { checkpointName, listSegments, segmentName } from './spool-folder.ts'
import type { FolderReport } from './worker-messages.ts'

export interface FolderSenderOptions {
  readonly path: string
  readonly producerId: Buffer
  /** Whether this process appends to it: then it is told of what there is, and does not look for itself. */
  readonly own: boolean
  readonly topic: { send(partition: number, value: Buffer): Promise<void> }
  readonly bootId: Buffer
  /** Where clicks and segments go that can never be sent. */
  readonly setAsideDir: string
  readonly log: Logger
  readonly clock?: () => number
}

/** Readers forget a producer's marks after this time, so older clicks could be counted twice: they are refused. */
const refusedAfterMs = 90 * 24 * 60 * 60 * 1_000

interface Growth {
  readonly segment: number
  readonly bytes: number
  readonly sealed: boolean
}

export class FolderSender {
  readonly #options: FolderSenderOptions
  readonly #clock: () => number
  readonly #growth: Growth[] = []
  #told: Growth = { segment: 0, bytes: 0, sealed: false }
  #sender: SpoolSender | undefined
  #opened = false
  #complained = false

  constructor(options: FolderSenderOptions) {
    this.#options = options
    this.#clock = options.clock ?? Date.now
  }

  /** An adopted folder from which everything was sent and removed. */
  get isFinished(): boolean {
    return this.#opened && !this.#options.own && (this.#sender === undefined || this.#sender.isEmpty)
  }

  extend(segment: number, bytes: number, sealed: boolean): void {
    this.#growth.push({ segment, bytes, sealed })
  }

  async step(hurry: boolean, keepMs: number): Promise<void> {
    if (this.#options.own && this.#growth.length === 0 && !this.#opened) return
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
  }

  report(path: string): FolderReport {
    const sender = this.#sender
    return {
      path,
      bytes: sender?.bytes ?? 0,
      unsentBytes: sender?.unsentBytes ?? 0,
      damagedBytes: sender?.damagedBytes ?? 0,
      setAsideClicks: sender?.setAsideClicks ?? 0,
      sentMessages: sender?.sentMessages ?? 0,
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

  /** The segments are told of as they grow; the partition count is in the first one's header. */
  async #openOwn(): Promise<void> {
    const first = this.#growth[0]!
    const header = await this.#readHeader(first.segment)
    if (header === undefined) throw new Error('the own segment has no header')
    const checkpoint = decodeCheckpoint(await this.#readCheckpoint(), header.partitionCount)
    this.#sender = this.#createSender(header.partitionCount, checkpoint)
  }

  async #openAdopted(): Promise<void> {
    let partitionCount: number | undefined
    const segments: { readonly number: number; readonly bytes: number }[] = []
    let sameBoot = true
    for (const number of await listSegments(this.#options.path)) {
      const header = await this.#readHeader(number)
      const old = header !== undefined && this.#clock() - header.createdAtMs > refusedAfterMs
      if (
        header === undefined ||
        old ||
        header.partitionCount !== (partitionCount ?? header.partitionCount)
      ) {
        await this.#setSegmentAside(number)
        continue
      }
      partitionCount = header.partitionCount
      sameBoot &&= header.bootId.equals(this.#options.bootId)
      segments.push({ number, bytes: (await stat(this.#pathOf(number))).size })
    }
    if (partitionCount === undefined) return
    // After a loss of power Kafka may have forgotten what it acknowledged: all that is still here is sent again.
    const checkpoint = sameBoot
      ? decodeCheckpoint(await this.#readCheckpoint(), partitionCount)
      : emptyCheckpoint(partitionCount)
    const sender = this.#createSender(partitionCount, checkpoint)
    for (const { number, bytes } of segments) sender.extend(number, bytes, true)
    this.#sender = sender
  }

  #createSender(partitionCount: number, checkpoint: ReturnType<typeof emptyCheckpoint>): SpoolSender {
    const { producerId, topic, path } = this.#options
    const ports: SpoolSenderPorts = {
      read: (segment, offset, bytesMax) => readBytes(this.#pathOf(segment), offset, bytesMax),
      remove: (segment) => rm(this.#pathOf(segment), { force: true }),
      send: (partition, value) => topic.send(partition, value),
      async save(state) {
        await writeFile(join(path, `${checkpointName}.new`), encodeCheckpoint(state), { mode: 0o600 })
        await rename(join(path, `${checkpointName}.new`), join(path, checkpointName))
      },
      setAside: (partition, frame) => this.#setClickAside(partition, frame),
      failed: (what, cause) => this.#failed(what, cause),
    }
    return new SpoolSender({ producerId, partitionCount, checkpoint, ports, clock: this.#clock })
  }

  #pathOf(segment: number): string {
    return join(this.#options.path, segmentName(segment))
  }

  async #readHeader(segment: number): Promise<SegmentHeader | undefined> {
    return decodeSegmentHeader(await readBytes(this.#pathOf(segment), 0, segmentHeaderBytes))
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
    log.error({ segment: target }, 'a spool segment cannot be read and was set aside')
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

async function readBytes(path: string, offset: number, bytesMax: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(bytesMax)
    let bytes = 0
    while (bytes < bytesMax) {
      const { bytesRead } = await file.read(buffer, bytes, bytesMax - bytes, offset + bytes)
      if (bytesRead === 0) break
      bytes += bytesRead
    }
    return buffer.subarray(0, bytes)
  } finally {
    await file.close()
  }
}
