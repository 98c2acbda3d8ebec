/**
 * Leaves a source that failed alone for a while, so that a dead or frozen one costs at most one deadline for each
 * window. Pure: time is an argument, and so the same breaker runs in tests.
 */
export type BreakerState = 'closed' | 'open' | 'trying'

export interface BreakerOptions {
  /** How many failures in a row open it. */
  readonly failuresMax: number
  readonly windowMs: number
}

export class CircuitBreaker {
  readonly #options: BreakerOptions
  #failures = 0
  #openUntilMs = 0
  #trying = false

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Whether a call may be made now. After a window, one call may try; it must report how it went. */
  allows(nowMs: number): boolean {
    if (this.#failures < this.#options.failuresMax) return true
    // A clock that was set back would keep it open for as long.
    const isOpen = nowMs < this.#openUntilMs && nowMs >= this.#openUntilMs - this.#options.windowMs
    if (this.#trying || isOpen) return false
    this.#trying = true
    return true
  }

  succeeded(): void {
    this.#failures = 0
    this.#trying = false
  }

  failed(nowMs: number): void {
    this.#failures += 1
    this.#trying = false
    this.#openUntilMs = nowMs + this.#options.windowMs
  }

  get state(): BreakerState {
    if (this.#failures < this.#options.failuresMax) return 'closed'
    return this.#trying ? 'trying' : 'open'
  }
}
