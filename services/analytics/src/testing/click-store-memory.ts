/** A store with the rules of the real one, in memory, whose transactions can be made to fail at either side of a commit. */
import { planBatch, type ReadRecord } from '../domain/batch-plan.ts'
import type { StoredPosition } from '../domain/position.ts'
import type { ApplyOutcome, ClickStore } from '../ports.ts'

export type Mishap = 'none' | 'refused' | 'answer-lost'

export class ClickStoreMemory implements ClickStore {
  /** What happens to the next transactions, first one first. */
  readonly mishaps: Mishap[] = []
  /** Transactions with more are refused. */
  clicksMax = Number.POSITIVE_INFINITY
  readonly counts = new Map<string, number>()
  readonly #positions = new Map<number, StoredPosition>()
  readonly #marks = new Map<string, number>()
  readonly #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  async position(partition: number): Promise<StoredPosition | undefined> {
    await this.#mishap(() => {})
    return this.#positions.get(partition)
  }

  async begin(partition: number, nextOffset: number): Promise<boolean> {
    return await this.#mishap(() => {
      if (this.#positions.has(partition)) return false
      this.#positions.set(partition, { nextOffset, fingerprint: null })
      return true
    })
  }

  async move(partition: number, from: number, to: number): Promise<boolean> {
    return await this.#mishap(() => {
      if (this.#positions.get(partition)?.nextOffset !== from) return false
      this.#positions.set(partition, { nextOffset: to, fingerprint: null })
      return true
    })
  }

  async apply(partition: number, from: number, records: readonly ReadRecord[]): Promise<ApplyOutcome> {
    return await this.#mishap((): ApplyOutcome => {
      if (this.#positions.get(partition)?.nextOffset !== from) return { kind: 'out-of-step' }
      const state = { marks: this.#marks, setAside: new Set<string>() }
      const plan = planBatch(records, state, this.#nowMs, () => human)
      if (plan.counts.humans > this.clicksMax) throw new Error('the session was ended meanwhile')
      for (const { code, humans } of plan.rollup.totals) {
        this.counts.set(code, (this.counts.get(code) ?? 0) + humans)
      }
      for (const [producer, sequence] of plan.marks) this.#marks.set(producer, sequence)
      this.#positions.set(partition, { nextOffset: plan.nextOffset, fingerprint: plan.fingerprint })
      const { nextOffset, caughtUpAtMs, counts, deadLetters, oldestCountedMs } = plan
      return { kind: 'applied', nextOffset, caughtUpAtMs, counts, deadLetters, oldestCountedMs }
    })
  }

  async noteProgress(): Promise<void> {}

  async #mishap<T>(commit: () => T): Promise<T> {
    const mishap = this.mishaps.shift() ?? 'none'
    // The answer of a database comes in a later turn, in which anything may have happened.
    await Promise.resolve()
    if (mishap === 'refused') throw new Error('the database is away')
    const result = commit()
    await Promise.resolve()
    if (mishap === 'answer-lost') throw new Error('the answer to COMMIT was lost')
    return result
  }
}

const human = { isBot: false, browser: '', operatingSystem: '', device: '' }
