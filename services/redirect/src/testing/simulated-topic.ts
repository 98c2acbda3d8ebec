/** A topic and its reader, which counts as analytics does: clicks at or under the mark of their producer are dropped. */
import { ClickBatch } from '@linkfleet/contracts/clicks'

export class SimulatedTopic {
  readonly #messages: Buffer[][]
  readonly #flushed: number[]
  readonly #readTo: number[]
  readonly #marks = new Map<string, number>()
  /** The codes of all clicks that were counted, in that order. */
  readonly counted: string[] = []

  constructor(partitions: number) {
    this.#messages = Array.from({ length: partitions }, () => [])
    this.#flushed = new Array<number>(partitions).fill(0)
    this.#readTo = new Array<number>(partitions).fill(0)
  }

  deliver(partition: number, value: Buffer): void {
    this.#messages[partition]!.push(Buffer.from(value))
  }

  flush(): void {
    for (const [partition, messages] of this.#messages.entries()) this.#flushed[partition] = messages.length
  }

  losePower(): void {
    for (const [partition, messages] of this.#messages.entries()) {
      messages.length = this.#flushed[partition]!
      // A reader that finds the log shorter than it knew reads it anew: the marks make that harmless.
      if (this.#readTo[partition]! > messages.length) this.#readTo[partition] = 0
    }
  }

  read(): void {
    for (const [partition, messages] of this.#messages.entries()) {
      for (const value of messages.slice(this.#readTo[partition]!)) {
        const batch = ClickBatch.decode(value)
        const key = `${partition} ${batch.producerId.toString('hex')}`
        for (const { sequence, code } of batch.clicks) {
          if (sequence <= (this.#marks.get(key) ?? 0)) continue
          this.#marks.set(key, sequence)
          this.counted.push(code)
        }
      }
      this.#readTo[partition] = messages.length
    }
  }
}
