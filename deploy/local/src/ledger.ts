/**
 * The list of processes this home has started and not yet seen ending, on disk, so that a start after `kill -9` of
 * everything finds what is left and ends it first. Written aside and renamed: it is whole at any moment.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDiskFull } from './problem.ts'
import { endProcess, isSameProcessAlive, type ProcessIdentity } from './process-identity.ts'

type Line = ProcessIdentity & { name: string; stopSignal: NodeJS.Signals; stopTimeoutMs: number }

export class Ledger {
  readonly #file: string
  #lines: Line[] = []

  constructor(home: string) {
    this.#file = join(home, 'processes.json')
    try {
      this.#lines = JSON.parse(readFileSync(this.#file, 'utf8')) as Line[]
    } catch {
      // A first start.
    }
  }

  add(line: Line): void {
    this.#lines.push(line)
    this.#write()
  }

  /** A line too many does no harm, so a full disk must not end whoever is just cleaning up. */
  remove(pid: number): void {
    this.#lines = this.#lines.filter((line) => line.pid !== pid)
    try {
      this.#write()
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
  }

  /** Ends every process an earlier start left behind; returns their names. */
  async reap(): Promise<string[]> {
    const left = this.#lines.filter(isSameProcessAlive)
    await Promise.all(left.map((line) => endProcess(line, line.stopSignal, line.stopTimeoutMs)))
    this.#lines = []
    this.#write()
    return left.map(({ name }) => name)
  }

  #write(): void {
    const aside = `${this.#file}.${process.pid}`
    writeFileSync(aside, JSON.stringify(this.#lines))
    renameSync(aside, this.#file)
  }
}
