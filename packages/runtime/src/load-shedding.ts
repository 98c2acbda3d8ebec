/**
 * Past its capacity a process refuses the excess at once, so that what it accepts is still answered in time.
 *
 * Two rules, both of the queue and none of a fixed rate. (1) What one poll of the event loop brings is a queue. When
 * turns have held many requests that waited longer than `turnMsMax` without a break for `persistMs` (the idea of CoDel,
 * RFC 8289: a burst is no overload, a queue that stays is), requests wait here instead, before a body is read or anybody
 * asked: each turn begins some of them, newest first (who came last still has time) and those of low priority last, and
 * whoever has waited for `turnMsMax` is refused. Short turns let the loop read and refuse in time. It ends when nobody
 * had to be refused for as long. A few that wait long are the victims of a slow machine: to refuse one of them would help
 * none. (2) Requests that wait for something else, as creates do for transactions, queue there: a limit on how many are in
 * flight grows by one for each that many answers in time and shrinks by a fifth when an answer took longer than
 * `waitMsMax` (additive increase, multiplicative decrease).
 *
 * What it cannot do: a refused request has been read and its head parsed, which is the floor of what one thread can do;
 * and a loop accepts one connection in each turn, so clients that open a new one for each request queue in the kernel.
 * A gateway that keeps its connections, as any does, is no such client.
 */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { integer, type Option } from './config.ts'
import type { EndedTurn } from './turn-clock.ts'

/** What goes first when there is too much: `low` waits last and half as long, `exempt` never. */
export type Priority = 'exempt' | 'normal' | 'low'

export const overloaded = new LinkfleetError('overloaded', 'More is asked than can be answered in time.', {
  retryAfterSeconds: 1,
})

const persistMsDefault = 200
/** Fewer in one turn are no queue. */
export const queueMin = 8

/** The first rule. */
export class TurnAdmission {
  readonly #turnMsMax: number
  readonly #persistMs: number
  /** Since when, and for how many turns, all with requests were late (while admitting), or nothing was refused. */
  #sinceMs: number | undefined
  #turns = 0
  #isOverloaded = false
  #hasRefused = false

  constructor(turnMsMax: number, persistMs = persistMsDefault) {
    this.#turnMsMax = turnMsMax
    this.#persistMs = persistMs
  }

  get isOverloaded(): boolean {
    return this.#isOverloaded
  }

  /** How long a request may wait. */
  waitMsMax(priority: 'normal' | 'low'): number {
    return this.#turnMsMax / (priority === 'low' ? 2 : 1)
  }

  refused(): void {
    this.#hasRefused = true
  }

  turnEnded({ arrivedMs, endedMs, requests }: EndedTurn): void {
    const isLate = endedMs - arrivedMs > this.#turnMsMax
    if (!this.#isOverloaded && (requests === 0 || (isLate && requests < queueMin))) return
    const speaksForChange = this.#isOverloaded ? !this.#hasRefused : isLate
    this.#hasRefused = false
    if (!speaksForChange) {
      this.#sinceMs = undefined
      this.#turns = 0
      return
    }
    this.#sinceMs ??= arrivedMs
    this.#turns += 1
    // One turn, however long, may be a pause of the machine or of the collector.
    if (this.#turns < 2 || endedMs - this.#sinceMs < this.#persistMs) return
    this.#isOverloaded = !this.#isOverloaded
    this.#sinceMs = undefined
    this.#turns = 0
  }
}

/** How long one turn begins those who wait: short, so that the loop reads and refuses many times in the time allowed. */
export const sliceMsOf = (turnMsMax: number): number => turnMsMax / 8

export interface Waiting {
  readonly arrivedMs: number
  readonly begin: () => void
  readonly refuse: () => void
}

/** Those who wait for the first rule. As many as there are connections, so their number has a bound elsewhere. */
export class WaitingRoom {
  readonly #admission: TurnAdmission
  readonly #sliceMs: number
  readonly #nowMs: () => number
  #lines: Record<'normal' | 'low', Waiting[]> = { normal: [], low: [] }

  constructor(admission: TurnAdmission, sliceMs: number, nowMs: () => number) {
    this.#admission = admission
    this.#sliceMs = sliceMs
    this.#nowMs = nowMs
  }

  get isEmpty(): boolean {
    return this.#lines.normal.length + this.#lines.low.length === 0
  }

  add(priority: 'normal' | 'low', one: Waiting): void {
    this.#lines[priority].push(one)
  }

  /**
   * Begins the newest for as long as a slice lasts, then refuses all who have waited too long. A slice never stays empty:
   * where the machine is so slow that all have waited too long, some are answered all the same.
   */
  serve(): void {
    const untilMs = this.#nowMs() + this.#sliceMs
    for (const priority of ['normal', 'low'] as const) {
      const line = this.#lines[priority]
      const waitMsMax = this.#admission.waitMsMax(priority)
      for (let nowMs = this.#nowMs(); nowMs < untilMs; nowMs = this.#nowMs()) {
        const newest = line.at(-1)
        if (newest === undefined) break
        line.pop()
        newest.begin()
      }
      const nowMs = this.#nowMs()
      const firstKept = line.findIndex(({ arrivedMs }) => nowMs - arrivedMs < waitMsMax)
      for (const one of line.splice(0, firstKept === -1 ? line.length : firstKept)) {
        this.#admission.refused()
        one.refuse()
      }
    }
  }
}

export interface WaitLimitOptions {
  readonly waitMsMax: number
  readonly inFlightMin: number
  readonly inFlightMax: number
}

const shrinkEveryMs = 100

/** The second rule. */
export class WaitLimit {
  readonly #options: WaitLimitOptions
  #inFlight = 0
  #limit: number
  #shrunkMs = Number.NEGATIVE_INFINITY

  constructor(options: WaitLimitOptions) {
    this.#options = options
    this.#limit = options.inFlightMax
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Takes a place; whoever got one gives it back with `end`. */
  begin(): boolean {
    if (this.#inFlight >= this.limit) return false
    this.#inFlight += 1
    return true
  }

  end(tookMs: number, nowMs: number): void {
    const { waitMsMax, inFlightMin, inFlightMax } = this.#options
    if (tookMs > waitMsMax) {
      // One step for all that suffered from the same queue.
      if (nowMs - this.#shrunkMs >= shrinkEveryMs) {
        this.#shrunkMs = nowMs
        this.#limit = Math.max(inFlightMin, Math.min(this.#limit, this.#inFlight) * 0.8)
      }
    } else if (this.#inFlight * 2 >= this.#limit) {
      this.#limit = Math.min(inFlightMax, this.#limit + 1 / this.#limit)
    }
    this.#inFlight -= 1
  }
}

/** The option of a service. */
export function shedTurnOption(defaultMs: number): Option<number> {
  return integer('SHED_TURN_MS_MAX', {
    description:
      'Requests that wait longer than this for the event loop, again and again, mean overload: the excess is answered 503 at once. 0: nothing is refused.',
    default: defaultMs,
    minimum: 0,
    maximum: 1_000,
  })
}
