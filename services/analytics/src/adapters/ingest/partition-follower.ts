/**
 * Applies one partition's records in order, whatever the delivery does: it decides nothing itself (see
 * domain/position.ts) but carries the decisions out, and after anything unexpected it stops delivery, asks the
 * database where it stands, and goes on from there.
 */
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import {
  type ClickRecord,
  fingerprintOf,
  type ReadRecord,
  readInBatches,
  waitingSinceMs,
} from '../../domain/batch-plan.ts'
import type { BatchSize } from '../../domain/batch-size.ts'
import type { PartitionProgress } from '../../domain/freshness.ts'
import { decideArrival, decideStart, type LogEnds, type Position } from '../../domain/position.ts'
import type { Events } from '../../events.ts'
import type { ApplyOutcome, ClickLog, ClickStore, Delivery } from '../../ports.ts'

export interface FollowerPorts {
  readonly store: ClickStore
  readonly log: ClickLog
  readonly delivery: Delivery
  readonly events: Events
  readonly batchSize: BatchSize
  readonly now: () => number
}

const retry = { baseMs: 100, maxMs: 2_000 }

/** One assignment of one partition. After `stop` it delivers and applies nothing more. */
export class PartitionFollower {
  readonly partition: number
  readonly #ports: FollowerPorts
  readonly #stopped = new AbortController()
  #position: Position = { kind: 'unknown' }
  #syncing: Promise<void> | undefined
  /** The assignment's own start until something is known. */
  #caughtUpAtMs: number
  #isSettled = false
  #askedAtMs: number
  #logEnd = 0
  #inHandOldestMs: number | undefined

  constructor(partition: number, ports: FollowerPorts) {
    this.partition = partition
    this.#ports = ports
    this.#caughtUpAtMs = ports.now()
    this.#askedAtMs = ports.now()
  }

  /** Finds out where to go on, then lets records come. Delivery must be paused. */
  start(): void {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined
    })
  }

  stop(): void {
    this.#stopped.abort()
    this.#position = { kind: 'unknown' }
  }

  /** Whether `caughtUpAtMs` is more than the time of the assignment. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  get progress(): PartitionProgress {
    return {
      caughtUpAtMs: this.#caughtUpAtMs,
      askedAtMs: this.#askedAtMs,
      lagRecords:
        this.#position.kind === 'unknown' ? 0 : Math.max(0, this.#logEnd - this.#position.nextOffset),
      inHandOldestMs: this.#inHandOldestMs,
    }
  }

  /**
   * Takes a delivered batch and the offset from which it was fetched. A large one is applied in parts, and `alive` is
   * called between them. Resolves to the offset of the last record that is applied for good, or undefined when not all
   * was applied: then delivery is paused and resumes where it must. Never throws.
   */
  async arrived(
    records: readonly ClickRecord[],
    fetchedFrom: number | undefined,
    alive: () => Promise<void> = async () => {},
  ): Promise<number | undefined> {
    const first = records[0]
    if (first === undefined || this.#stopped.signal.aborted) return undefined
    const arrival = { offset: first.offset, fingerprint: () => fingerprintOf(first), fetchedFrom }
    const decision = decideArrival(this.#position, arrival)
    switch (decision.kind) {
      case 'ignore':
        return undefined
      case 'resync':
        this.#ports.events.outOfStep(this.partition, first.offset, this.#position)
        this.#restart()
        return undefined
      case 'rewind':
        return await this.#rewind(decision.from)
      case 'apply': {
        const following = decision.skip === 0 ? records : records.slice(decision.skip)
        const nextOffset = await this.#apply(decision.from, following, alive)
        return nextOffset === undefined ? undefined : nextOffset - 1
      }
    }
  }

  /**
   * Begins a look at the log's ends; the answer is given to what it returns. It tells whether everything was
   * applied, or the log is shorter than what was read of it.
   */
  look(askedAtMs: number): (ends: LogEnds) => void {
    const before = this.#position
    return (ends) => {
      if (before.kind === 'unknown' || this.#position.kind === 'unknown') return
      if (ends.high < before.nextOffset) {
        this.#ports.events.outOfStep(this.partition, ends.high, before)
        this.#restart()
        return
      }
      this.#askedAtMs = askedAtMs
      this.#logEnd = ends.high
      if (this.#position.kind === 'following' && this.#position.nextOffset >= ends.high) {
        this.#caughtUpTo(askedAtMs)
      }
    }
  }

  async #apply(
    from: number,
    records: readonly ClickRecord[],
    alive: () => Promise<void>,
  ): Promise<number | undefined> {
    if (records.length === 0) {
      this.#position = { kind: 'following', nextOffset: from }
      return from
    }
    const { batchSize, now } = this.#ports
    let nextOffset = from
    for (const read of readInBatches(records, now(), () => batchSize.clicksMax)) {
      if (nextOffset > from) {
        const isAlive = await alive().then(
          () => true,
          () => false,
        )
        // The group has moved on, or where to go on is being found out.
        if (!isAlive || this.#position.kind !== 'following') return undefined
      }
      const applied = await this.#applyBatch(nextOffset, read)
      if (applied === undefined) return undefined
      nextOffset = applied
    }
    return nextOffset
  }

  async #applyBatch(from: number, read: readonly ReadRecord[]): Promise<number | undefined> {
    const { store, events, batchSize, now } = this.#ports
    const startedMs = now()
    const clicks = clicksOf(read)
    this.#inHandOldestMs = this.#waitingSinceMs(read)
    try {
      const outcome = await store.apply(this.partition, from, read)
      if (outcome.kind === 'applied') {
        const tookMs = now() - startedMs
        this.#applied(outcome)
        batchSize.applied(clicks, tookMs)
        events.batchApplied(this.partition, outcome, tookMs, this.#ageMs(outcome))
        return this.#stopped.signal.aborted ? undefined : outcome.nextOffset
      }
      events.fenced(this.partition, from)
    } catch (cause) {
      batchSize.failed(clicks)
      events.applyFailed(this.partition, from, cause)
    } finally {
      this.#inHandOldestMs = undefined
    }
    this.#restart()
    return undefined
  }

  #applied({ nextOffset, caughtUpAtMs }: ApplyOutcome & { kind: 'applied' }): void {
    if (this.#stopped.signal.aborted) return
    this.#position = { kind: 'following', nextOffset }
    this.#caughtUpTo(caughtUpAtMs)
  }

  /** What was applied when the partition was caught up is no longer waiting, so what waits came later. */
  #waitingSinceMs(read: readonly ReadRecord[]): number | undefined {
    const sinceMs = waitingSinceMs(read)
    return sinceMs === undefined || !this.#isSettled ? sinceMs : Math.max(sinceMs, this.#caughtUpAtMs)
  }

  #ageMs({ oldestCountedMs }: ApplyOutcome & { kind: 'applied' }): number | undefined {
    return oldestCountedMs === undefined ? undefined : Math.max(0, this.#ports.now() - oldestCountedMs)
  }

  #caughtUpTo(atMs: number): void {
    this.#caughtUpAtMs = this.#isSettled ? Math.max(this.#caughtUpAtMs, atMs) : atMs
    this.#isSettled = true
  }

  async #rewind(from: number): Promise<undefined> {
    this.#position = { kind: 'unknown' }
    this.#ports.delivery.pause(this.partition)
    try {
      const ends = (await this.#ports.log.ends()).get(this.partition)
      if (ends !== undefined && (await this.#ports.store.move(this.partition, from, ends.low))) {
        this.#ports.events.rewound(this.partition, from, ends.low)
      }
    } catch (cause) {
      this.#ports.events.applyFailed(this.partition, from, cause)
    }
    this.#restart()
    return undefined
  }

  #restart(): void {
    if (this.#stopped.signal.aborted) return
    this.#position = { kind: 'unknown' }
    this.#ports.delivery.pause(this.partition)
    this.start()
  }

  /** Tries until it knows where to go on, or is stopped. */
  async #sync(): Promise<void> {
    const { signal } = this.#stopped
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (await this.#trySync()) return
      } catch (cause) {
        this.#ports.events.syncFailed(this.partition, cause)
      }
      await sleep(backoffMs(attempt, retry), signal)
    }
  }

  async #trySync(): Promise<boolean> {
    const { store, log, events } = this.#ports
    const stored = await store.position(this.partition)
    const ends = (await log.ends()).get(this.partition)
    if (ends === undefined) throw new Error(`The topic has no partition ${this.partition}.`)
    const decision = decideStart(stored, ends)
    switch (decision.kind) {
      case 'begin':
        if (!(await store.begin(this.partition, decision.at))) return false
        if (decision.lostRecords > 0) events.recordsLost(this.partition, decision.lostRecords)
        return this.#resume({ kind: 'following', nextOffset: decision.at }, decision.at)
      case 'continue':
        return this.#resume({ kind: 'following', nextOffset: decision.nextOffset }, decision.nextOffset)
      case 'verify':
        return this.#resume({ ...decision, kind: 'verifying' }, decision.nextOffset - 1)
      case 'skip-lost':
        if (!(await store.move(this.partition, decision.from, decision.to))) return false
        events.recordsLost(this.partition, decision.lostRecords)
        return this.#resume({ kind: 'following', nextOffset: decision.to }, decision.to)
      case 'rewind':
        if (!(await store.move(this.partition, decision.from, decision.to))) return false
        events.rewound(this.partition, decision.from, decision.to)
        return this.#resume({ kind: 'following', nextOffset: decision.to }, decision.to)
    }
  }

  #resume(position: Position, offset: number): boolean {
    if (this.#stopped.signal.aborted) return true
    this.#position = position
    this.#ports.delivery.resumeAt(this.partition, offset)
    return true
  }
}

function clicksOf(read: readonly ReadRecord[]): number {
  return read.reduce((sum, { message }) => sum + (message.kind === 'clicks' ? message.clicks.length : 0), 0)
}
