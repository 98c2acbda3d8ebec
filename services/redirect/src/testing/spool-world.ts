/**
 * A world in which the spool lives: processes, their disk, a topic and its readers, all simulated, and nothing happens
 * in it by itself. Each read, write, removal and message waits until the test says that it succeeds, fails, is lost or
 * comes late, so that a process can die between any two of them. What decides is the real code.
 */
import { encodeCheckpoint } from '../domain/spool/checkpoint.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  segmentHeaderBytes,
} from '../domain/spool/segment-format.ts'
import type { SpoolSender } from '../domain/spool/spool-sender.ts'
import { SimulatedTopic } from './simulated-topic.ts'
import type { SpoolCode } from './spool-code.ts'
import { recordOf } from './spool-record.ts'

/** Bugs of what stands around the domain: who gives a process its number and its folders. */
export type WorldBug = 'a restart reuses its producer id' | 'the lock of a folder is not heeded'

export const topicPartitions = 4
export const keptMs = 60_000

interface StoredSegment {
  bytes: Buffer
  /** Safe from a loss of power. */
  syncedBytes: number
  /** Where the record of each click ends. */
  readonly ends: Map<string, number>
}

interface Folder {
  readonly producerId: Buffer
  readonly segments: Map<number, StoredSegment>
  checkpointText: string | undefined
  holder: Process | undefined
}

interface Waiting {
  readonly process: Process
  readonly apply: () => unknown
  readonly resolve: (value: never) => void
  readonly reject: (cause: Error) => void
}

interface Message {
  readonly process: Process
  readonly partition: number
  readonly value: Buffer
  readonly resolve: (answers: { partition: number; errorCode: number }[]) => void
  readonly reject: (cause: Error) => void
}

export interface Process {
  readonly folder: Folder
  readonly partitionCount: number
  readonly senders: Map<Folder, SpoolSender>
  readonly stepping: Set<SpoolSender>
  sequence: number
  segment: number
  open: StoredSegment | undefined
  alive: boolean
  frozen: boolean
}

export type Fate = 'acknowledged' | 'unanswered' | 'lost' | 'late' | 'twice' | 'answer without the partition'

export class SpoolWorld {
  readonly #code: SpoolCode
  readonly #bug: WorldBug | undefined
  nowMs = 1_000
  /** The time of day, which is not to be trusted. */
  wallMs = 1_700_000_000_000
  #bootId = Buffer.alloc(16, 1)
  #clicks = 0
  #producers = 0
  readonly processes: Process[] = []
  readonly #folders: Folder[] = []
  disk: Waiting[] = []
  network: Message[] = []
  late: { readonly partition: number; readonly value: Buffer }[] = []
  readonly topic = new SimulatedTopic(topicPartitions)
  readonly attempted = new Set<string>()
  readonly acknowledged = new Set<string>()
  /** Of clicks that were acknowledged, those that a loss of power or a damaged disk may have cost. */
  readonly mayBeLost = new Set<string>()

  constructor(code: SpoolCode, bug?: WorldBug) {
    this.#code = code
    this.#bug = bug
  }

  start(partitionCount: number): Process {
    const orphan = this.#folders.find((folder) => folder.holder === undefined)
    const reused = this.#bug === 'a restart reuses its producer id' ? orphan?.producerId : undefined
    this.#producers += 1
    const producerId = reused ?? Buffer.alloc(16, this.#producers)
    const folder: Folder = { producerId, segments: new Map(), checkpointText: undefined, holder: undefined }
    const process: Process = {
      folder,
      partitionCount,
      senders: new Map(),
      stepping: new Set(),
      sequence: 0,
      segment: 0,
      open: undefined,
      alive: true,
      frozen: false,
    }
    folder.holder = process
    this.#folders.push(folder)
    this.processes.push(process)
    const checkpoint = { acknowledged: new Array<number>(partitionCount).fill(0) }
    process.senders.set(folder, this.#createSender(process, folder, partitionCount, checkpoint))
    this.rotate(process)
    this.adopt(process)
    return process
  }

  adopt(process: Process): void {
    for (const folder of this.#folders) {
      if (folder.holder !== undefined && this.#bug !== 'the lock of a folder is not heeded') continue
      if (process.senders.has(folder)) continue
      folder.holder = process
      const found = [...folder.segments].map(([number, { bytes }]) => ({
        number,
        bytes: bytes.length,
        header: decodeSegmentHeader(bytes),
      }))
      const adoption = this.#code.planAdoption(found, {
        producerId: folder.producerId,
        bootId: this.#bootId,
        nowMs: this.wallMs,
        checkpointText: folder.checkpointText,
      })
      for (const { number } of adoption.empty) folder.segments.delete(number)
      if (adoption.partitionCount === undefined) continue
      const sender = this.#createSender(process, folder, adoption.partitionCount, adoption.checkpoint)
      for (const { number, bytes } of adoption.segments) sender.extend(number, bytes, true)
      process.senders.set(folder, sender)
    }
  }

  #createSender(
    process: Process,
    folder: Folder,
    partitionCount: number,
    checkpoint: { acknowledged: readonly number[] },
  ): SpoolSender {
    const wait = <T>(apply: () => T) =>
      new Promise<T>((resolve, reject) => {
        this.disk.push({ process, apply, resolve, reject })
      })
    const segmentOf = (number: number) => folder.segments.get(number)?.bytes ?? Buffer.alloc(0)
    return new this.#code.SpoolSender({
      producerId: folder.producerId,
      partitionCount,
      checkpoint,
      chunk: Buffer.alloc(8 * 1024),
      monotonicClock: () => this.nowMs,
      random: () => 0.5,
      ports: {
        read: (number, offset, target) => wait(() => segmentOf(number).subarray(offset).copy(target)),
        remove: (number) => wait(() => void folder.segments.delete(number)),
        setSegmentAside: (number) => wait(() => void folder.segments.delete(number)),
        save: (state) =>
          wait(() => {
            folder.checkpointText = encodeCheckpoint(state)
          }),
        setAside: () => wait(() => undefined),
        failed: () => undefined,
        send: async (partition, value) => {
          const answers = await new Promise<{ partition: number; errorCode: number }[]>((resolve, reject) => {
            this.network.push({ process, partition, value, resolve, reject })
          })
          this.#code.requireAcknowledged(answers, partition)
        },
      },
    })
  }

  /** Appends clicks with one write and answers them; with `torn`, the process dies in the middle of the last one. */
  append(process: Process, clicks: number, torn = false): void {
    // As a file does, it takes what is written even if somebody has removed its name.
    const segment = process.open!
    const written: string[] = []
    for (let count = 0; count < clicks; count += 1) {
      process.sequence += 1
      this.#clicks += 1
      const code = `click-${this.#clicks}`
      const record = recordOf(code, process.sequence, process.partitionCount)
      this.attempted.add(code)
      const last = torn && count === clicks - 1
      segment.bytes = Buffer.concat([segment.bytes, last ? record.subarray(0, record.length >>> 1) : record])
      segment.ends.set(code, segment.bytes.length)
      if (!last) written.push(code)
    }
    if (torn) {
      this.kill(process)
      return
    }
    for (const code of written) this.acknowledged.add(code)
    process.senders.get(process.folder)?.extend(process.segment, segment.bytes.length, false)
  }

  rotate(process: Process): void {
    const sender = process.senders.get(process.folder)
    if (process.open) sender?.extend(process.segment, process.open.bytes.length, true)
    process.segment += 1
    const { producerId } = process.folder
    const { partitionCount, segment } = process
    const bootId = this.#bootId
    const bytes = encodeSegmentHeader({
      producerId,
      partitionCount,
      segment,
      createdAtMs: this.wallMs,
      bootId,
    })
    process.open = { bytes, syncedBytes: 0, ends: new Map() }
    process.folder.segments.set(segment, process.open)
    sender?.extend(segment, bytes.length, false)
  }

  /** kill -9: nothing more happens in the process; what it asked of the disk or sent may still come about. */
  kill(process: Process, diskGoesOn = false): void {
    process.alive = false
    if (diskGoesOn) this.disk.find((waiting) => waiting.process === process)?.apply()
    this.disk = this.disk.filter((waiting) => waiting.process !== process)
    for (const message of this.network) if (message.process === process) this.late.push(message)
    this.network = this.network.filter((message) => message.process !== process)
    for (const folder of this.#folders) if (folder.holder === process) folder.holder = undefined
    this.processes.splice(this.processes.indexOf(process), 1)
  }

  sync(): void {
    for (const { segments } of this.#folders) {
      for (const segment of segments.values()) segment.syncedBytes = segment.bytes.length
    }
    this.topic.flush()
  }

  /** Time passes, with what happens each second, for processes that are frozen too: the kernel writes back by itself. */
  pass(ms: number): void {
    this.nowMs += ms
    this.wallMs += ms
    if (ms >= 1_000) this.sync()
  }

  /** Everything on this machine, Kafka included, forgets what had not reached the disk. */
  losePower(part: number): void {
    for (const process of [...this.processes]) this.kill(process)
    this.late = []
    this.#bootId = Buffer.alloc(16, this.#bootId[0]! + 1)
    for (const { segments } of this.#folders) {
      for (const segment of segments.values()) {
        const unsynced = segment.bytes.length - segment.syncedBytes
        const kept = segment.syncedBytes + Math.floor(unsynced * part)
        for (const [code, end] of segment.ends) if (end > segment.syncedBytes) this.mayBeLost.add(code)
        segment.bytes = segment.bytes.subarray(0, kept)
      }
    }
    this.topic.losePower()
  }

  /** A bit of the disk changes where no living process appends. */
  damage(which: number, part: number): void {
    const segments = this.#folders
      .filter(({ holder }) => holder === undefined)
      .flatMap((folder) => [...folder.segments.values()])
    const segment = segments[which % Math.max(1, segments.length)]
    if (segment === undefined || segment.bytes.length <= segmentHeaderBytes) return
    const at = segmentHeaderBytes + Math.floor((segment.bytes.length - segmentHeaderBytes) * part)
    segment.bytes = Buffer.from(segment.bytes)
    segment.bytes[at]! ^= 0x04
    const hit = [...segment.ends].find(([, end]) => end > at)
    if (hit !== undefined) this.mayBeLost.add(hit[0])
  }

  settleDisk(waiting: Waiting, succeeds: boolean): void {
    this.disk = this.disk.filter((other) => other !== waiting)
    if (succeeds) waiting.resolve(waiting.apply() as never)
    else waiting.reject(new Error('the disk failed'))
  }

  settleNetwork(message: Message, fate: Fate): void {
    this.network = this.network.filter((other) => other !== message)
    const { partition, value } = message
    // Once its send has settled, its sender may do with its memory what it likes.
    if (fate === 'late') this.late.push({ ...message, value: Buffer.from(value) })
    const times = { acknowledged: 1, unanswered: 1, twice: 2 }[fate as string] ?? 0
    for (let time = 0; time < times; time += 1) this.topic.deliver(partition, value)
    if (fate === 'acknowledged' || fate === 'twice') message.resolve([{ partition, errorCode: 0 }])
    else if (fate === 'answer without the partition') message.resolve([])
    else message.reject(new Error('no answer'))
  }

  get segmentsLeft(): number {
    return this.#folders.reduce((sum, { segments }) => sum + segments.size, 0)
  }
}
