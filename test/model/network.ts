/**
 * Calls on their way. Each has two steps, its arrival and its answer, and the world decides when each is taken: so
 * everything else may happen in between, and calls overtake each other.
 */
interface Call {
  readonly caller: unknown
  readonly code: string
  readonly sentAtMs: number
  /** undefined: nobody waits, and it may arrive however late. */
  readonly deadlineMs: number | undefined
  readonly take: () => Promise<void>
  readonly give: (isLate: boolean) => void
  hasArrived: boolean
}

const endOf = ({ sentAtMs, deadlineMs }: Call) => sentAtMs + (deadlineMs ?? Number.POSITIVE_INFINITY)

export interface CallOptions {
  readonly caller: unknown
  readonly code: string
  readonly deadlineMs: number | undefined
}

export class Network {
  readonly #clock: () => number
  #calls: Call[] = []

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Resolves with what `work` gave, or undefined when it failed or the deadline came first. */
  call<T>({ caller, code, deadlineMs }: CallOptions, work: () => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      let result: T | undefined
      this.#calls.push({
        caller,
        code,
        deadlineMs,
        sentAtMs: this.#clock(),
        hasArrived: false,
        take: async () => {
          result = await work().catch(() => undefined)
        },
        give: (isLate) => resolve(isLate ? undefined : result),
      })
    })
  }

  /** Whether somebody waits for a call about this code. */
  isWaiting(caller: unknown, code: string): boolean {
    return this.#calls.some(
      (call) => call.caller === caller && call.code === code && call.deadlineMs !== undefined,
    )
  }

  get size(): number {
    return this.#calls.length
  }

  /** The place of the first call that somebody waits for; -1 when there is none. */
  get firstWaited(): number {
    return this.#calls.findIndex(({ deadlineMs }) => deadlineMs !== undefined)
  }

  /** Takes one call a step further, whichever it is. */
  async step(place: number): Promise<void> {
    const call = this.#calls[place % Math.max(1, this.#calls.length)]
    if (call === undefined) return
    if (!call.hasArrived) {
      call.hasArrived = true
      await call.take()
      return
    }
    this.#calls = this.#calls.filter((other) => other !== call)
    call.give(false)
  }

  get nextDeadlineMs(): number {
    return Math.min(...this.#calls.map(endOf))
  }

  /** What waited too long is told so. */
  expire(): void {
    const isLate = (call: Call) => endOf(call) <= this.#clock()
    const late = this.#calls.filter(isLate)
    this.#calls = this.#calls.filter((call) => !late.includes(call))
    for (const call of late) call.give(true)
  }
}
