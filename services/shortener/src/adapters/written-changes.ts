/**
 * What the write-through of this process has put into Redis: its relay need not ask for that again, which is most of what
 * relaying a change costs Redis.
 *
 * A change counts as written only if its write was sent after the relay had learnt the generation of its mark, and was
 * stored. Then its entry is of that generation or of a later one, and nothing older takes its place: copies are ordered.
 * If the entry was lost since (by a flush, a restart or a failover of Redis), the mark was lost too or is another
 * server's, and the relay's next move of it starts a generation whose floor is after this change. So to have written
 * it is as good as to have seen it there. `test/model` tries it with every loss that it knows.
 */
import type { FreshLink } from '@linkfleet/contracts/redis-link-cache'

/** Those that came first are forgotten first: the relay then asks for them. */
const changesMax = 50_000
/** Far less than an entry lives in Redis: one that ran out would leave its place to anything older. */
const trustedForMs = 60_000

type Change = Pick<FreshLink['copy'], 'timeline' | 'version'>

export class WrittenChanges {
  readonly #clock: () => number
  /** When the write of a version was sent. */
  readonly #sentAtMs = new Map<number, number>()
  /** Of all these versions. */
  #timeline = 0

  /** A clock of this process that never goes backwards. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock()
  }

  /** Redis has stored this change by a write that was sent at that moment. */
  add({ timeline, version }: Change, sentAtMs: number): void {
    if (timeline < this.#timeline) return
    if (timeline > this.#timeline) this.#sentAtMs.clear()
    this.#timeline = timeline
    const [oldest] = this.#sentAtMs.size < changesMax ? [] : this.#sentAtMs.keys()
    if (oldest !== undefined) this.#sentAtMs.delete(oldest)
    this.#sentAtMs.set(version, sentAtMs)
  }

  /** Whether this very change was written by a write that was sent after that moment, not long ago. */
  isWritten({ timeline, version }: Change, afterMs: number): boolean {
    if (timeline !== this.#timeline) return false
    const sentAtMs = this.#sentAtMs.get(version) ?? Number.NEGATIVE_INFINITY
    return sentAtMs > afterMs && this.#clock() - sentAtMs < trustedForMs
  }

  forget(version: number): void {
    this.#sentAtMs.delete(version)
  }
}
