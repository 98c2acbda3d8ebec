/** What the thread that sends last said of each folder, and of those it has finished. */
import type { FolderReport, Growth } from '../kafka-thread/messages.ts'

export class FolderReports {
  readonly #last = new Map<string, FolderReport>()
  #finished = { damagedBytes: 0, setAsideClicks: 0, sentMessages: 0 }

  hear(report: FolderReport): void {
    this.#last.set(report.path, report)
  }

  /** The folder is empty and goes; what was counted of it stays counted. */
  finish(report: FolderReport): void {
    this.#last.delete(report.path)
    this.#finished = {
      damagedBytes: this.#finished.damagedBytes + report.damagedBytes,
      setAsideClicks: this.#finished.setAsideClicks + report.setAsideClicks,
      sentMessages: this.#finished.sentMessages + report.sentMessages,
    }
  }

  get unsentBytes(): number {
    return this.#sum('unsentBytes')
  }

  /** Bytes that the thread has been told of, in order, and has not said to have taken in. */
  unheardBytes(path: string, told: Iterable<Growth>): number {
    const heard = this.#last.get(path)
    let bytes = 0
    for (const growth of told) {
      if (heard === undefined || growth.segment > heard.segment) bytes += growth.bytes
      else if (growth.segment === heard.segment) bytes += Math.max(0, growth.bytes - heard.segmentBytes)
    }
    return bytes
  }

  /** Bytes of all folders but one. */
  bytesBeside(path: string | undefined): number {
    const own = path === undefined ? undefined : this.#last.get(path)
    return this.#sum('bytes') - (own?.bytes ?? 0)
  }

  counts(): {
    readonly damagedBytes: number
    readonly setAsideClicks: number
    readonly sentMessages: number
  } {
    return {
      damagedBytes: this.#finished.damagedBytes + this.#sum('damagedBytes'),
      setAsideClicks: this.#finished.setAsideClicks + this.#sum('setAsideClicks'),
      sentMessages: this.#finished.sentMessages + this.#sum('sentMessages'),
    }
  }

  #sum(what: 'bytes' | 'unsentBytes' | 'damagedBytes' | 'setAsideClicks' | 'sentMessages'): number {
    let sum = 0
    for (const report of this.#last.values()) sum += report[what]
    return sum
  }
}
