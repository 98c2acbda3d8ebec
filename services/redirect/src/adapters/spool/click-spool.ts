/**
 * The spool as the redirects see it: appending here, and a thread that sends. Also keeps the house: takes over the
 * folders of dead producers, removes those that are empty, and starts the thread again should it end.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import type { Logger } from '@linkfleet/runtime/log'
import type { ClickSink, ClickToRecord } from '../../ports.ts'
import {
  adoptFolders,
  createFolder,
  folderBytes,
  type HeldFolder,
  readBootId,
  removeFolder,
} from './spool-folder.ts'
import { SpoolWriter, type SpoolWriterOptions } from './spool-writer.ts'
import type { FolderReport, WorkerOptions, WorkerReport, WorkerRequest } from './worker-messages.ts'

export interface ClickSpoolOptions
  extends Pick<
    SpoolWriterOptions,
    'partitionCount' | 'bytesMax' | 'recorded' | 'dropped' | 'failed' | 'clock'
  > {
  readonly spoolDir: string
  readonly brokers: readonly string[]
  readonly topic: string
  readonly instance: string
  readonly logLevel: string
  readonly log: Logger
  /** How long disposing may take to send what is left. */
  readonly drainTimeoutMs: number
}

export interface SpoolState {
  readonly bytes: number
  readonly unsentBytes: number
  readonly kafka: string
  readonly damagedBytes: number
  readonly setAsideClicks: number
  readonly sentMessages: number
  readonly adoptedFolders: number
}

export interface ClickSpool extends ClickSink, AsyncDisposable {
  state(): SpoolState
  /** Takes over the folders of producers that are dead, and sees what was set aside. Never throws. */
  adopt(): Promise<void>
}

const setAsideName = 'set-aside'
const adoptEveryMs = 5_000
const adoptedMax = 16
const drainPollMs = 10

interface Growth {
  readonly segment: number
  readonly bytes: number
  readonly sealed: boolean
}

export async function openClickSpool(options: ClickSpoolOptions): Promise<ClickSpool> {
  const bootId = await readBootId()
  const own = await createFolder(options.spoolDir)
  const spool = new Spool(options, own, bootId)
  await spool.adopt()
  return spool
}

class Spool implements ClickSpool {
  readonly #options: ClickSpoolOptions
  readonly #own: HeldFolder
  readonly #bootId: Buffer
  readonly #writer: SpoolWriter
  readonly #adopted = new Map<string, HeldFolder>()
  readonly #reports = new Map<string, FolderReport>()
  /** What the thread must be told again should it be started anew: segments that still are, in order. */
  readonly #grown = new Map<number, Growth>()
  readonly #adopting: NodeJS.Timeout
  #worker: Worker
  #workerFailures = 0
  #kafka = 'not tried yet'
  /** Nobody sends what was set aside, so it stays until somebody looks at it; until then it takes its room. */
  #setAsideBytes = 0
  #finishedCounts = { damagedBytes: 0, setAsideClicks: 0, sentMessages: 0 }
  #closing = false

  constructor(options: ClickSpoolOptions, own: HeldFolder, bootId: Buffer) {
    this.#options = options
    this.#own = own
    this.#bootId = bootId
    this.#writer = new SpoolWriter({
      ...options,
      path: own.path,
      producerId: own.producerId,
      bootId,
      otherBytes: () => this.#otherBytes(),
      grown: (segment, bytes, sealed) => this.#tellGrown({ segment, bytes, sealed }),
    })
    this.#worker = this.#startWorker()
    this.#tellAll()
    this.#adopting = setInterval(() => void this.adopt(), adoptEveryMs)
  }

  append(click: ClickToRecord, release: (recorded: boolean) => void): void {
    this.#writer.append(click, release)
  }

  state(): SpoolState {
    const reports = [...this.#reports.values()]
    const sum = (of: (report: FolderReport) => number) =>
      reports.reduce((total, report) => total + of(report), 0)
    const { damagedBytes, setAsideClicks, sentMessages } = this.#finishedCounts
    return {
      bytes: this.#writer.ownBytes + this.#otherBytes(),
      unsentBytes: sum((report) => report.unsentBytes),
      kafka: this.#kafka,
      damagedBytes: damagedBytes + sum((report) => report.damagedBytes),
      setAsideClicks: setAsideClicks + sum((report) => report.setAsideClicks),
      sentMessages: sentMessages + sum((report) => report.sentMessages),
      adoptedFolders: this.#adopted.size,
    }
  }

  async adopt(): Promise<void> {
    this.#setAsideBytes = await folderBytes(this.#setAsideDir)
    try {
      const held = new Set([this.#own.path, ...this.#adopted.keys()])
      const room = adoptedMax - this.#adopted.size
      for (const folder of await adoptFolders(this.#options.spoolDir, held, room)) {
        this.#adopted.set(folder.path, folder)
        this.#tellFolder(folder, false)
      }
    } catch (cause) {
      this.#options.log.warn({ err: cause }, 'the spool folder cannot be looked through')
    }
  }

  /** Writes what waits, sends what can be sent within the bound, and leaves the rest to the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#adopting)
    this.#writer[Symbol.dispose]()
    this.#tell({ kind: 'hurry' })
    const deadlineMs = performance.now() + this.#options.drainTimeoutMs
    while (!this.#isDrained() && performance.now() < deadlineMs) await sleep(drainPollMs)
    const { unsentBytes } = this.state()
    this.#options.log.info({ unsentBytes }, 'the spool is closed; what is unsent waits for the next start')
    this.#closing = true
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#tell({ kind: 'close' })
    await Promise.race([ended, sleep(1_500)])
    await this.#worker.terminate()
    for (const folder of [this.#own, ...this.#adopted.values()]) folder[Symbol.dispose]()
  }

  #isDrained(): boolean {
    const last = [...this.#grown.values()].at(-1)
    const report = this.#reports.get(this.#own.path)
    const heard =
      last === undefined ||
      (report !== undefined && report.segment === last.segment && report.segmentBytes === last.bytes)
    return heard && [...this.#reports.values()].every(({ unsentBytes }) => unsentBytes === 0)
  }

  /** What this process did not append but must leave room for: adopted folders, and what was set aside. */
  #otherBytes(): number {
    let bytes = this.#setAsideBytes
    for (const [path, report] of this.#reports) if (path !== this.#own.path) bytes += report.bytes
    return bytes
  }

  get #setAsideDir(): string {
    return join(this.#options.spoolDir, setAsideName)
  }

  #startWorker(): Worker {
    const { instance, logLevel, brokers, topic, partitionCount, bytesMax } = this.#options
    const workerData: WorkerOptions = {
      instance,
      logLevel,
      brokers: [...brokers],
      topic,
      partitions: partitionCount,
      spoolBytesMax: bytesMax,
      bootId: this.#bootId,
      setAsideDir: this.#setAsideDir,
    }
    const worker = new Worker(new URL('./spool-worker.ts', import.meta.url), { workerData })
    worker.on('message', (report: WorkerReport) => this.#heard(report))
    worker.on('error', (cause) => this.#options.log.error({ err: cause }, 'the click sender failed'))
    worker.once('exit', () => void this.#restartWorker())
    return worker
  }

  #tellAll(): void {
    this.#tellFolder(this.#own, true)
    for (const growth of this.#grown.values()) this.#tellGrown(growth)
    for (const folder of this.#adopted.values()) this.#tellFolder(folder, false)
  }

  async #restartWorker(): Promise<void> {
    if (this.#closing) return
    await sleep(backoffMs(this.#workerFailures, { baseMs: 100, maxMs: 5_000 }))
    this.#workerFailures += 1
    if (this.#closing) return
    this.#worker = this.#startWorker()
    this.#tellAll()
  }

  #tell(request: WorkerRequest): void {
    this.#worker.postMessage(request)
  }

  #tellFolder(folder: HeldFolder, own: boolean): void {
    this.#tell({ kind: 'folder', path: folder.path, producerId: folder.producerId, own })
  }

  #tellGrown(growth: Growth): void {
    this.#grown.set(growth.segment, growth)
    const spoolBytes = this.#writer.ownBytes + this.#otherBytes()
    this.#tell({ kind: 'grown', path: this.#own.path, ...growth, spoolBytes })
  }

  #heard(report: WorkerReport): void {
    this.#kafka = report.kafka
    for (const folder of report.folders) {
      if (folder.path === this.#own.path) this.#heardOwn(folder)
      if (folder.finished) void this.#remove(folder)
      else this.#reports.set(folder.path, folder)
    }
  }

  #heardOwn(report: FolderReport): void {
    this.#workerFailures = 0
    for (const growth of [...this.#grown.values()]) {
      if (growth.segment >= report.firstSegment) return
      this.#grown.delete(growth.segment)
      this.#writer.removed(growth.bytes)
    }
  }

  async #remove(report: FolderReport): Promise<void> {
    const folder = this.#adopted.get(report.path)
    this.#reports.delete(report.path)
    if (folder === undefined) return
    const counts = this.#finishedCounts
    this.#finishedCounts = {
      damagedBytes: counts.damagedBytes + report.damagedBytes,
      setAsideClicks: counts.setAsideClicks + report.setAsideClicks,
      sentMessages: counts.sentMessages + report.sentMessages,
    }
    try {
      await removeFolder(folder)
    } catch (cause) {
      this.#options.log.warn({ err: cause, folder: report.path }, 'a sent spool folder could not be removed')
    } finally {
      this.#adopted.delete(report.path)
    }
  }
}
