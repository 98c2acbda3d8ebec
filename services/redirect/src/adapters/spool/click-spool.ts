/**
 * The spool as the redirects see it: appending here, and a thread that sends. Also keeps the house: takes over the
 * folders of dead producers, removes those that are empty, and makes its own where a full disk did not let it.
 */
import { sleep } from '@linkfleet/runtime/backoff'
import type { Logger } from '@linkfleet/runtime/log'
import type { ClickSink, ClickToRecord } from '../../ports.ts'
import type { KafkaThread } from '../kafka-thread/kafka-thread.ts'
import type { FolderReport, Growth, WorkerReport } from '../kafka-thread/messages.ts'
import { FolderReports } from './folder-reports.ts'
import {
  adoptFolders,
  createFolder,
  folderBytes,
  type HeldFolder,
  mayPass,
  otherFolderBytes,
  removeFolder,
  setAsideDirOf,
} from './spool-folder.ts'
import { SpoolWriter, type SpoolWriterOptions } from './spool-writer.ts'

export interface ClickSpoolOptions
  extends Pick<
    SpoolWriterOptions,
    'partitionCount' | 'bytesMax' | 'recorded' | 'dropped' | 'failed' | 'clock' | 'segmentBytesMax'
  > {
  readonly spoolDir: string
  /** Sends the clicks. Disposing of the spool ends it too: nobody may work in a folder that was let go. */
  readonly thread: Pick<KafkaThread, 'listen' | 'tell' | typeof Symbol.asyncDispose>
  readonly bootId: Buffer
  readonly log: Logger
  /** How long disposing may take to send what is left. */
  readonly drainTimeoutMs: number
}

export interface SpoolState {
  readonly bytes: number
  readonly bytesMax: number
  readonly unsentBytes: number
  readonly kafka: string
  readonly damagedBytes: number
  readonly setAsideClicks: number
  readonly setAsideBytes: number
  readonly sentMessages: number
  readonly adoptedFolders: number
}

export interface ClickSpool extends ClickSink, AsyncDisposable {
  state(): SpoolState
  /** Takes over the folders of producers that are dead, and sees what was set aside. Never throws. */
  adopt(): Promise<void>
}

const adoptEveryMs = 5_000
const adoptedMax = 64
const watchEveryMs = 250
const drainPollMs = 10
/** Above this part of its bound the spool no longer keeps what was sent: before half, when orphans are given up. */
const pressurePart = 0.4

interface Own {
  readonly folder: HeldFolder
  readonly writer: SpoolWriter
}

export async function openClickSpool(options: ClickSpoolOptions): Promise<ClickSpool> {
  const spool = new Spool(options)
  try {
    await spool.makeOwn()
  } catch (cause) {
    await spool[Symbol.asyncDispose]()
    throw cause
  }
  await spool.adopt()
  return spool
}

class Spool implements ClickSpool {
  readonly #options: ClickSpoolOptions
  readonly #adopted = new Map<string, HeldFolder>()
  readonly #reports = new FolderReports()
  /** What the thread must be told again should it be started anew: segments that still are, in order. */
  readonly #grown = new Map<number, Growth>()
  readonly #timers: NodeJS.Timeout[]
  /** undefined while the disk has no room for its folder: no click is recorded then. */
  #own: Own | undefined
  #working: Promise<void> = Promise.resolve()
  #isWorking = false
  #pressed = false
  #hurries = false
  #kafka = 'not tried yet'
  /** Nobody sends what was set aside, so it stays until somebody looks at it; until then it takes its room. */
  #setAsideBytes = 0
  /** Of processes that share this spool, and of dead ones that nobody has adopted yet. */
  #foreignBytes = 0

  constructor(options: ClickSpoolOptions) {
    this.#options = options
    options.thread.listen({
      heard: (message) => {
        if (message.kind === 'report') this.#heard(message)
      },
      ended: () => {
        this.#kafka = 'its thread ended'
      },
      restarted: () => this.#tellAll(),
    })
    this.#timers = [
      setInterval(() => void this.adopt(), adoptEveryMs),
      setInterval(() => this.#watchRoom(), watchEveryMs),
    ]
  }

  append(click: ClickToRecord, release: (recorded: boolean) => void): void {
    if (this.#own !== undefined) this.#own.writer.append(click, release)
    else {
      this.#options.dropped(click.kind, 'write-failed')
      release(false)
    }
  }

  state(): SpoolState {
    return {
      ...this.#reports.counts(),
      bytes: this.#bytes(),
      bytesMax: this.#options.bytesMax,
      unsentBytes: this.#unsentBytes,
      kafka: this.#kafka,
      setAsideBytes: this.#setAsideBytes,
      adoptedFolders: this.#adopted.size,
    }
  }

  /** Makes the folder of this process. Rejects where waiting would not help. */
  async makeOwn(): Promise<void> {
    const { spoolDir, failed } = this.#options
    let folder: HeldFolder
    try {
      folder = await createFolder(spoolDir)
    } catch (cause) {
      if (!mayPass(cause)) throw cause
      failed('write', cause)
      return
    }
    const writer = new SpoolWriter({
      ...this.#options,
      path: folder.path,
      producerId: folder.producerId,
      otherBytes: () => this.#otherBytes(),
      grown: (segment, bytes, sealed) => this.#tellGrown({ segment, bytes, sealed }, folder),
    })
    this.#own = { folder, writer }
    this.#tellFolder(folder, true)
  }

  adopt(): Promise<void> {
    // A disk that takes longer than the time between two rounds must not have them pile up.
    if (this.#isWorking) return this.#working
    this.#isWorking = true
    this.#working = this.#keepHouse()
      .catch((cause) => this.#options.log.warn({ err: cause }, 'the spool folder cannot be looked through'))
      .finally(() => {
        this.#isWorking = false
      })
    return this.#working
  }

  async #keepHouse(): Promise<void> {
    const { spoolDir, log } = this.#options
    if (this.#own === undefined) await this.makeOwn()
    this.#setAsideBytes = await folderBytes(setAsideDirOf(spoolDir))
    const complain = (folder: string, cause: unknown) =>
      log.error({ err: cause, folder }, 'a spool folder is there and cannot be taken over')
    const room = adoptedMax - this.#adopted.size
    for (const folder of await adoptFolders(spoolDir, this.#held(), room, complain)) {
      this.#adopted.set(folder.path, folder)
      this.#tellFolder(folder, false)
    }
    this.#foreignBytes = await otherFolderBytes(spoolDir, this.#held())
  }

  /** Writes what waits, sends what can be sent within the bound, and leaves the rest to the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#working
    this.#own?.writer[Symbol.dispose]()
    this.#hurries = true
    this.#options.thread.tell({ kind: 'hurry' })
    const deadlineMs = performance.now() + this.#options.drainTimeoutMs
    while (this.#unsentBytes > 0 && performance.now() < deadlineMs) await sleep(drainPollMs)
    this.#options.log.info(
      { unsentBytes: this.#unsentBytes },
      'the spool is closed; what is unsent waits for the next start',
    )
    await this.#options.thread[Symbol.asyncDispose]()
    this.#own?.folder[Symbol.dispose]()
    for (const folder of this.#adopted.values()) folder[Symbol.dispose]()
  }

  /** An upper bound: what the thread has not said to know is not sent. */
  get #unsentBytes(): number {
    const { unsentBytes } = this.#reports
    if (this.#own === undefined) return unsentBytes
    const { folder, writer } = this.#own
    const unheardBytes = this.#reports.unheardBytes(folder.path, this.#grown.values())
    return unsentBytes + unheardBytes + writer.untoldBytes
  }

  #held(): Set<string> {
    const held = new Set(this.#adopted.keys())
    if (this.#own !== undefined) held.add(this.#own.folder.path)
    return held
  }

  #bytes(): number {
    return (this.#own?.writer.ownBytes ?? 0) + this.#otherBytes()
  }

  /** What this process did not append but must leave room for. */
  #otherBytes(): number {
    return this.#setAsideBytes + this.#foreignBytes + this.#reports.bytesBeside(this.#own?.folder.path)
  }

  #watchRoom(): void {
    const pressed =
      this.#own === undefined ||
      this.#own.writer.isFailing ||
      this.#bytes() > this.#options.bytesMax * pressurePart
    if (pressed === this.#pressed) return
    this.#pressed = pressed
    this.#options.thread.tell({ kind: 'pressed', pressed })
  }

  #tellAll(): void {
    this.#options.thread.tell({ kind: 'pressed', pressed: this.#pressed })
    if (this.#hurries) this.#options.thread.tell({ kind: 'hurry' })
    if (this.#own !== undefined) {
      this.#tellFolder(this.#own.folder, true)
      for (const growth of this.#grown.values()) this.#tellGrown(growth, this.#own.folder)
    }
    for (const folder of this.#adopted.values()) this.#tellFolder(folder, false)
  }

  #tellFolder({ path, producerId }: HeldFolder, own: boolean): void {
    this.#options.thread.tell({ kind: 'folder', path, producerId, own })
  }

  #tellGrown(growth: Growth, { path }: HeldFolder): void {
    this.#grown.set(growth.segment, growth)
    this.#options.thread.tell({ kind: 'grown', path, ...growth })
  }

  #heard(report: WorkerReport): void {
    this.#kafka = report.clicks
    for (const folder of report.folders) {
      if (folder.path === this.#own?.folder.path) this.#heardOwn(folder, this.#own.writer)
      if (folder.finished) void this.#remove(folder)
      else this.#reports.hear(folder)
    }
  }

  #heardOwn(report: FolderReport, writer: SpoolWriter): void {
    for (const growth of [...this.#grown.values()]) {
      if (growth.segment >= report.firstSegment) return
      this.#grown.delete(growth.segment)
      writer.removed(growth.bytes)
    }
  }

  async #remove(report: FolderReport): Promise<void> {
    const folder = this.#adopted.get(report.path)
    this.#reports.finish(report)
    if (folder === undefined) return
    try {
      await removeFolder(folder)
    } catch (cause) {
      this.#options.log.warn({ err: cause, folder: report.path }, 'a sent spool folder could not be removed')
    } finally {
      this.#adopted.delete(report.path)
    }
  }
}
