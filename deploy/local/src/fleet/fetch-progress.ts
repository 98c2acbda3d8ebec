/** Shows how far fetching has come: one bar that is redrawn on a terminal, a line per fetch elsewhere. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress } from '../programs/program.ts'

type Fetch = Parameters<Progress>[0]

const REDRAW_MS = 250
const BAR_WIDTH = 24

export class FetchProgress implements Disposable {
  readonly #out: NodeJS.WriteStream
  #fetches: Fetch[] = []
  #timer: NodeJS.Timeout | undefined
  #drawn = false

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  readonly begin: Progress = (fetch) => {
    this.#fetches.push(fetch)
    if (!this.#out.isTTY) {
      this.#out.write(`  fetching ${fetch.engine} once, ${megabytes(fetch.bytesTotal)} MB\n`)
      return
    }
    this.#timer ??= setInterval(() => void this.#draw(), REDRAW_MS)
  }

  /** Removes the bar, so that a line can be written; it is drawn again below. */
  clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[2K')
    this.#drawn = false
  }

  async #draw(): Promise<void> {
    const sizes = await Promise.all(this.#fetches.map(({ folder }) => folderBytes(folder)))
    if (!this.#timer) return
    const had = this.#fetches.map(({ bytesTotal }, index) => Math.min(bytesTotal, sizes[index] ?? bytesTotal))
    const text = progressBar(this.#fetches, had)
    this.clear()
    this.#out.write(text.slice(0, (this.#out.columns ?? 80) - 1))
    this.#drawn = true
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.clear()
  }
}

/** A fetch whose folder is gone has been renamed into place: it is done. */
export function progressBar(fetches: Fetch[], bytesHad: number[]): string {
  const total = fetches.reduce((sum, { bytesTotal }) => sum + bytesTotal, 0)
  const had = bytesHad.reduce((sum, bytes) => sum + bytes, 0)
  const share = total === 0 ? 1 : had / total
  const filled = Math.round(share * BAR_WIDTH)
  const waiting = fetches.filter(({ bytesTotal }, index) => (bytesHad[index] ?? 0) < bytesTotal)
  const bar = `[${'█'.repeat(filled)}${'·'.repeat(BAR_WIDTH - filled)}]`
  const names = waiting.map(({ engine }) => engine).join(', ') || 'unpacking'
  return `  ${bar} ${megabytes(had)} of ${megabytes(total)} MB: ${names}`
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000)
}

async function folderBytes(folder: string): Promise<number | undefined> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const sizes = entries
      .filter((entry) => entry.isFile())
      .map((entry) => stat(join(entry.parentPath, entry.name)))
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)
  } catch {
    return undefined
  }
}
