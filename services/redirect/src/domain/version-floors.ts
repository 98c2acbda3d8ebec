/**
 * The versions that the feed of changes told of in the last minute. A read that shows an older one comes from a
 * source that has not heard yet, so it is not believed and the primary is asked.
 *
 * When more links change within a minute than there is room for, the oldest floors go first. What rests on them is told
 * of those that a copy may still be older than, since the feed confirms only copies that are above their floors.
 */
import type { CopyOrder } from './freshness.ts'
import { laterOrder } from './freshness.ts'

export const floorForMs = 60_000
/** A read, or a change that counts as current, is at most ten seconds older than its end; and clocks may differ by some more. */
const neededForMs = 20_000

interface Floor extends CopyOrder {
  readonly untilMs: number
}

export class VersionFloors {
  readonly #entriesMax: number
  readonly #forgot: (nowMs: number) => void
  // A Map keeps the order of insertion; each floor lives equally long, so the first is the first to end.
  readonly #floors = new Map<string, Floor>()

  /** `forgot` is told when one goes that a copy that counts as current may still be below. */
  constructor(entriesMax: number, forgot: (nowMs: number) => void = () => {}) {
    this.#entriesMax = entriesMax
    this.#forgot = forgot
  }

  get size(): number {
    return this.#floors.size
  }

  /** The newest that was told of this key, this one or one before it. */
  tell(key: string, order: CopyOrder, nowMs: number): CopyOrder {
    const newest = laterOrder(this.get(key, nowMs), order)!
    const { timeline, version } = newest
    this.#floors.delete(key)
    this.#floors.set(key, { timeline, version, untilMs: nowMs + floorForMs })
    this.#dropEnded(nowMs)
    return newest
  }

  get(key: string, nowMs: number): CopyOrder | undefined {
    const floor = this.#floors.get(key)
    return floor !== undefined && nowMs < floor.untilMs ? floor : undefined
  }

  #dropEnded(nowMs: number): void {
    for (const [key, floor] of this.#floors) {
      if (nowMs < floor.untilMs && this.#floors.size <= this.#entriesMax) return
      this.#floors.delete(key)
      if (nowMs < floor.untilMs - floorForMs + neededForMs) this.#forgot(nowMs)
    }
  }
}
