/**
 * What the write-through of this process has put into Redis, kept while this process has the active relay: it need not ask
 * Redis for that again, which is most of what relaying a change costs Redis, nor read the link from Postgres again, which
 * is most of what that costs Postgres.
 *
 * A change counts as written only if its write was sent after the relay had learnt the generation of its mark, and was
 * stored. Then its entry is of that generation or of a later one, and nothing older takes its place: copies are ordered.
 * If the entry was lost since (by a flush, a restart or a failover of Redis), the mark was lost too or is another
 * server's, and the relay's next move of it starts a generation whose floor is after this change. So to have written
 * it is as good as to have seen it there. `test/model` tries it with every loss that it knows.
 *
 * The copy is exactly that version of the link, and as current as its own moment says, not as the relay's: what was changed
 * since has a row of its own in the outbox, and comes after it.
 */
import type { FreshLink } from '@linkfleet/contracts/redis-link-cache'

/** Those that came first are forgotten first: the relay then asks for them. */
const changesMax = 50_000
/** Of URLs, which are nearly all that a copy takes. */
const charactersMax = 16_000_000
/** Far less than an entry lives in Redis: one that ran out would leave its place to anything older. */
const trustedForMs = 60_000

type Change = Pick<FreshLink['copy'], 'timeline' | 'version'>

interface Written {
  readonly link: FreshLink
  /** When its write was sent. */
  readonly sentAtMs: number
}

export class WrittenChanges {
  readonly #clock: () => number
  /** By version. */
  readonly #written = new Map<number, Written>()
  /** Of all these versions. */
  #timeline = 0
  #isKeeping = false
  #characters = 0

  /** A clock of this process that never goes backwards. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock()
  }

  /** From now on there is a relay that asks. */
  keep(): void {
    this.#isKeeping = true
  }

  /** There is none any more, and nothing takes memory for it. */
  keepNothing(): void {
    this.#isKeeping = false
    this.#forgetAll()
  }

  /** Redis has stored this change by a write that was sent at that moment. */
  add(link: FreshLink, sentAtMs: number): void {
    const { timeline, version } = link.copy
    if (!this.#isKeeping || timeline < this.#timeline) return
    if (timeline > this.#timeline) this.#forgetAll()
    this.#timeline = timeline
    this.forget(version)
    this.#written.set(version, { link, sentAtMs })
    this.#characters += link.copy.targetUrl.length
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= changesMax && this.#characters <= charactersMax) break
      this.forget(oldest)
    }
  }

  /** This very version of its link, with the moment at which it was known to be current. */
  find({ timeline, version }: Change): FreshLink | undefined {
    return timeline === this.#timeline ? this.#written.get(version)?.link : undefined
  }

  /** Whether this very change was written by a write that was sent after that moment, not long ago. */
  isWritten({ timeline, version }: Change, afterMs: number): boolean {
    if (timeline !== this.#timeline) return false
    const sentAtMs = this.#written.get(version)?.sentAtMs ?? Number.NEGATIVE_INFINITY
    return sentAtMs > afterMs && this.#clock() - sentAtMs < trustedForMs
  }

  forget(version: number): void {
    this.#characters -= this.#written.get(version)?.link.copy.targetUrl.length ?? 0
    this.#written.delete(version)
  }

  #forgetAll(): void {
    this.#written.clear()
    this.#characters = 0
  }
}
