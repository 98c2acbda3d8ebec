/** The senders of all folders that this process holds: its own, and those of producers that are dead. */
import { chunkBytes, sentKeptMs } from '../../domain/spool/spool-sender.ts'
import type { FolderReport, SenderRequest } from '../kafka-thread/messages.ts'
import { FolderSender, type FolderSenderOptions } from './folder-sender.ts'

/** What all of them have alike. */
export type FolderSendersOptions = Pick<FolderSenderOptions, 'topic' | 'bootId' | 'setAsideDir' | 'log'>

const adoptedAtOnceMax = 2
/** How long an adopted folder is sent before others have their turn: one may wait for a partition without leader. */
const turnMs = 10_000

export class FolderSenders {
  readonly #options: FolderSendersOptions
  /** Their steps come one after the other. */
  readonly #chunk = Buffer.allocUnsafeSlow(chunkBytes)
  readonly #own = new Map<string, FolderSender>()
  /** The first that hold unsent clicks are being sent; the others wait for their turn, so that memory is bounded. */
  readonly #adopted = new Map<string, FolderSender>()
  #hurries = false
  #pressed = false
  #turnEndsAtMs = 0

  constructor(options: FolderSendersOptions) {
    this.#options = options
  }

  /** Whether small batches are sent at once, since the process is about to end. */
  get hurries(): boolean {
    return this.#hurries
  }

  /** Whether whole batches wait. */
  get areBehind(): boolean {
    return this.#all().some(([, folder]) => folder.isBehind)
  }

  take(request: SenderRequest): void {
    if (request.kind === 'folder') this.#add(request)
    else if (request.kind === 'grown') {
      this.#own.get(request.path)?.extend(request.segment, request.bytes, request.sealed)
    } else if (request.kind === 'pressed') this.#pressed = request.pressed
    else this.#hurries = true
  }

  /** Sends on, and gives the last reports of folders that are empty now and forgotten. Steps must not overlap. */
  async step(): Promise<FolderReport[]> {
    const keepMs = this.#pressed ? 0 : sentKeptMs
    for (const folder of this.#own.values()) await folder.step(this.#hurries, keepMs)
    await this.#stepAdopted(performance.now(), keepMs)
    return this.#forgetFinished()
  }

  reports(): FolderReport[] {
    return this.#all().map(([path, folder]) => folder.report(path))
  }

  async close(): Promise<void> {
    for (const [, folder] of this.#all()) await folder.close()
  }

  #all(): (readonly [string, FolderSender])[] {
    return [...this.#own, ...this.#adopted]
  }

  #add({ path, producerId, own }: Extract<SenderRequest, { kind: 'folder' }>): void {
    const of = { path, producerId: Buffer.from(producerId), own }
    const folder = new FolderSender({ ...this.#options, ...of, chunk: this.#chunk })
    if (own) this.#own.set(path, folder)
    else {
      this.#adopted.set(path, folder)
      void folder.measure()
    }
  }

  async #stepAdopted(nowMs: number, keepMs: number): Promise<void> {
    const all = [...this.#adopted]
    for (const [, folder] of all) if (folder.isSent) await folder.step(this.#hurries, keepMs)
    const unsent = all.filter(([, folder]) => !folder.isSent)
    if (unsent.length <= adoptedAtOnceMax) this.#turnEndsAtMs = nowMs + turnMs
    for (const [path, folder] of unsent.slice(0, adoptedAtOnceMax)) {
      if (nowMs < this.#turnEndsAtMs) await folder.step(this.#hurries, keepMs)
      else if (await folder.rest()) {
        // To the end of the line.
        this.#adopted.delete(path)
        this.#adopted.set(path, folder)
        this.#turnEndsAtMs = nowMs + turnMs
      }
    }
  }

  #forgetFinished(): FolderReport[] {
    const finished = [...this.#adopted].filter(([, folder]) => folder.isFinished)
    return finished.map(([path, folder]) => {
      this.#adopted.delete(path)
      return { ...folder.report(path), finished: true }
    })
  }
}
