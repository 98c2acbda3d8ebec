/**
 * Clicks of links with max_clicks, leased from the shortener a few at a time. A lease is committed there before it is
 * used here, so all instances together never follow a link more often than it allows; what a lease has left when
 * this process dies is lost to the link, and what it has left when it is idle or the process stops is given back.
 *
 * A lease belongs to one state of its link: after any edit the rest goes back and the next lease is made under the
 * new limit. All who wait for clicks of one link share one request; one whose answer did not come is repeated with its
 * id, so that the clicks it may have got are not lost; where nobody asks again, all it may have got goes back.
 */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { ClickLease, ClickLeases, LinkKey, MayMiss } from '../ports.ts'
import { type CopyOrder, compareOrder } from './freshness.ts'
import { linkKeyOf } from './link-memory.ts'

export type Taken =
  | 'taken'
  /** Nobody has clicks of this link left. */
  | 'used-up'
  /** Nobody can say. */
  | 'unknown'

export interface ClickBudgetsOptions {
  readonly leases: MayMiss<ClickLeases>
  readonly clock: () => number
  /** 16 random bytes. */
  readonly newRequestId: () => Buffer
  readonly budgetsMax: number
}

/** What is left nowhere, or somewhere, is believed for this long: other instances give clicks back. */
const answerKnownForMs = 1_000
/** A lease nobody used for this long goes back, for other instances to use. */
const idleForMs = 10_000
/** Long before the shortener forgets what was leased. */
const leaseForMs = 10 * 60_000
/** A lease used up faster than this is followed by one of twice its size. */
const usedUpFastMs = 1_000
const wantedMax = 1_000
/** Whoever got nothing from this many leases gives up: thousands were before it. */
const attemptsMax = 200
const returnedMax = 500
/** Of all links together. More than this cannot be answered in time. */
const waitingMax = 5_000

interface Budget {
  readonly key: LinkKey
  order: CopyOrder
  /** Of the lease `leaseId`. */
  left: number
  leaseId: Buffer
  /** Of the request that is under way, or was not answered. */
  requestId: Buffer
  /** What the request that was not answered may have got, at most; 0 when there is none, or it is under way again. */
  atStake: number
  leasedAtMs: number
  usedAtMs: number
  wanted: number
  waiting: number
  flight: Promise<Taken> | undefined
  /** The last word on what is left for all, and when it was said. */
  isUsedUp: boolean
  saidAtMs: number
}

export class ClickBudgets {
  readonly #options: ClickBudgetsOptions
  readonly #budgets = new Map<string, Budget>()
  #returning: ClickLease[] = []
  #waiting = 0

  constructor(options: ClickBudgetsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#budgets.size
  }

  /** Clicks that are leased and not used. */
  get clicksLeft(): number {
    let clicks = 0
    for (const { left } of this.#budgets.values()) clicks += left
    return clicks
  }

  /** Takes one click of the link, for a redirect that follows. */
  take(copy: LinkCopy): Taken | Promise<Taken> {
    const budget = this.#budgetOf(copy)
    budget.usedAtMs = this.#options.clock()
    if (budget.left > 0) {
      budget.left -= 1
      return 'taken'
    }
    if (budget.isUsedUp && this.#isKnown(budget)) return 'used-up'
    return this.#waitFor(budget)
  }

  /** Whether a click could be taken; takes none. */
  look(copy: LinkCopy): Taken | Promise<Taken> {
    const budget = this.#budgetOf(copy)
    if (budget.left > 0) return 'taken'
    if (this.#isKnown(budget)) return budget.isUsedUp ? 'used-up' : 'taken'
    budget.flight ??= this.#fly(budget, this.#lookAt(budget))
    return budget.flight
  }

  /** Gives back what is idle, and forgets links nobody follows. To be called every few seconds. */
  async sweep(): Promise<void> {
    const nowMs = this.#options.clock()
    for (const [name, budget] of this.#budgets) {
      const isIdle = nowMs - budget.usedAtMs >= idleForMs
      if (isIdle || nowMs - budget.leasedAtMs >= leaseForMs) this.#release(budget)
      if (isIdle && budget.flight === undefined && budget.waiting === 0) this.#budgets.delete(name)
    }
    await this.#giveBack()
  }

  /** Gives everything back. Nothing may be taken after it. */
  async close(): Promise<void> {
    await Promise.all([...this.#budgets.values()].map(({ flight }) => flight))
    for (const budget of this.#budgets.values()) this.#release(budget)
    this.#budgets.clear()
    await this.#giveBack()
  }

  #isKnown(budget: Budget): boolean {
    const ageMs = this.#options.clock() - budget.saidAtMs
    return ageMs >= 0 && ageMs < answerKnownForMs
  }

  #budgetOf(copy: LinkCopy): Budget {
    const name = linkKeyOf(copy.domainId, copy.code)
    const order = { timeline: copy.timeline, version: copy.version }
    const known = this.#budgets.get(name)
    if (known !== undefined) {
      // An older copy, of a source that lags, is followed under the newer limit.
      if (compareOrder(order, known.order) > 0) {
        this.#release(known)
        const requestId = this.#options.newRequestId()
        Object.assign(known, { order, requestId, saidAtMs: Number.NEGATIVE_INFINITY })
      }
      return known
    }
    if (this.#budgets.size >= this.#options.budgetsMax) this.#dropOldest()
    const budget: Budget = {
      key: { domainId: copy.domainId, code: copy.code },
      order,
      left: 0,
      leaseId: Buffer.alloc(0),
      requestId: this.#options.newRequestId(),
      atStake: 0,
      leasedAtMs: 0,
      usedAtMs: this.#options.clock(),
      wanted: 1,
      waiting: 0,
      flight: undefined,
      isUsedUp: false,
      saidAtMs: Number.NEGATIVE_INFINITY,
    }
    this.#budgets.set(name, budget)
    return budget
  }

  #dropOldest(): void {
    for (const [name, budget] of this.#budgets) {
      if (budget.flight !== undefined || budget.waiting > 0) continue
      this.#release(budget)
      this.#budgets.delete(name)
      return
    }
  }

  #fly(budget: Budget, flight: Promise<Taken>): Promise<Taken> {
    return flight.finally(() => {
      budget.flight = undefined
    })
  }

  async #waitFor(budget: Budget): Promise<Taken> {
    if (this.#waiting >= waitingMax) return 'unknown'
    this.#waiting += 1
    budget.waiting += 1
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        budget.flight ??= this.#fly(budget, this.#lease(budget))
        const leased = await budget.flight
        if (budget.left > 0) {
          budget.left -= 1
          return 'taken'
        }
        if (leased !== 'taken') return leased
      }
      return 'unknown'
    } finally {
      budget.waiting -= 1
      this.#waiting -= 1
    }
  }

  async #lease(budget: Budget): Promise<Taken> {
    const { clock, leases, newRequestId } = this.#options
    const askedAtMs = clock()
    const isFast = askedAtMs - budget.leasedAtMs < usedUpFastMs
    const wanted = isFast ? budget.wanted * 2 : budget.wanted / 2
    budget.wanted = Math.ceil(Math.min(wantedMax, Math.max(1, wanted, budget.waiting)))
    const { key, requestId, order } = budget
    const atStake = Math.max(budget.atStake, budget.wanted)
    budget.atStake = 0
    const grant = await leases.take(key, requestId, budget.wanted)
    if (budget.order !== order) {
      // The link changed meanwhile, and these clicks were given under the limit it had.
      const unused = grant?.granted ?? atStake
      if (unused > 0) this.#returning.push({ key, requestId, unused })
      return grant === undefined ? 'unknown' : 'taken'
    }
    if (grant === undefined) {
      budget.atStake = atStake
      return 'unknown'
    }
    budget.requestId = newRequestId()
    budget.saidAtMs = clock()
    budget.isUsedUp = grant.isLimited && grant.granted === 0
    if (budget.isUsedUp) return 'used-up'
    // A copy that is older than the edit that took the limit away: all who wait may go.
    budget.left = grant.isLimited ? grant.granted : budget.waiting
    budget.leaseId = requestId
    budget.leasedAtMs = clock()
    return 'taken'
  }

  async #lookAt(budget: Budget): Promise<Taken> {
    const { clock, leases, newRequestId } = this.#options
    const grant = await leases.take(budget.key, newRequestId(), 0)
    if (grant === undefined) return 'unknown'
    budget.saidAtMs = clock()
    budget.isUsedUp = grant.isLimited && grant.left === 0
    return budget.isUsedUp ? 'used-up' : 'taken'
  }

  /** Ends the lease of a budget, and the one that its last request may have got; the next call gives them back. */
  #release(budget: Budget): void {
    const { key, leaseId, left, requestId, atStake } = budget
    if (left > 0) this.#returning.push({ key, requestId: leaseId, unused: left })
    budget.left = 0
    if (atStake === 0) return
    this.#returning.push({ key, requestId, unused: atStake })
    budget.atStake = 0
    budget.requestId = this.#options.newRequestId()
  }

  /** What cannot be given back now is tried again with the next sweep, up to a bound. */
  async #giveBack(): Promise<void> {
    const leases = this.#returning.splice(0)
    for (let at = 0; at < leases.length; at += returnedMax) {
      const some = leases.slice(at, at + returnedMax)
      if ((await this.#options.leases.giveBack(some)) === true) continue
      const kept = [...leases.slice(at), ...this.#returning]
      this.#returning = kept.slice(0, this.#options.budgetsMax)
      return
    }
  }
}
