/** What is appended to a file from now on, line by line. A file that is renamed and begun anew is read from its start. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

/** A service that says more between two looks than a person could read is shown with a gap. */
const bytesPerReadMax = 64 * 1024

export class LogFollower {
  readonly #file: string
  #inode: number | undefined
  #position: number
  #rest = ''

  constructor(file: string) {
    this.#file = file
    const stat = statSync(file, { throwIfNoEntry: false })
    this.#inode = stat?.ino
    this.#position = stat?.size ?? 0
  }

  /** The whole lines since the last look. A file that cannot be read has none. */
  read(): string[] {
    let fd: number
    try {
      fd = openSync(this.#file, 'r')
    } catch {
      return []
    }
    try {
      const { ino, size } = fstatSync(fd)
      if (ino !== this.#inode || size < this.#position) this.#begin(ino, 0)
      const skipped = size - this.#position - bytesPerReadMax
      if (skipped > 0) this.#begin(ino, size - bytesPerReadMax)
      const buffer = Buffer.alloc(size - this.#position)
      const read = readSync(fd, buffer, 0, buffer.length, this.#position)
      this.#position += read
      const lines = (this.#rest + buffer.toString('utf8', 0, read)).split('\n')
      this.#rest = lines.pop() ?? ''
      // The first line after a gap has lost its beginning.
      if (skipped > 0) lines[0] = `… ${skipped} bytes more are in ${this.#file}`
      return lines.filter((line) => line.trim() !== '')
    } finally {
      closeSync(fd)
    }
  }

  #begin(inode: number, position: number): void {
    this.#inode = inode
    this.#position = position
    this.#rest = ''
  }
}
