/**
 * Counts attempts of many in windows of one length, each from its first attempt on. Bounded: when there are more keys
 * than room, the window that began first is forgotten.
 */
export interface AttemptWindow {
  readonly attempts: number
  readonly endsAtMs: number
}

export class AttemptWindows {
  readonly #windows = new Map<string, AttemptWindow>()
  readonly #windowMs: number
  readonly #keysMax: number

  constructor(options: { readonly windowMs: number; readonly keysMax: number }) {
    this.#windowMs = options.windowMs
    this.#keysMax = options.keysMax
  }

  get size(): number {
    return this.#windows.size
  }

  /** Counts `attempts` more, or fewer when negative; a window never counts less than none. */
  count(key: string, attempts: number, nowMs: number): AttemptWindow {
    const current = this.#windows.get(key)
    // A clock that was set back would keep a window open for as long.
    const isOpen =
      current !== undefined && nowMs < current.endsAtMs && current.endsAtMs - nowMs <= this.#windowMs
    const next = {
      attempts: Math.max(0, (isOpen ? current.attempts : 0) + attempts),
      endsAtMs: isOpen ? current.endsAtMs : nowMs + this.#windowMs,
    }
    if (!isOpen) this.#windows.delete(key)
    this.#windows.set(key, next)
    if (this.#windows.size > this.#keysMax) {
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined) this.#windows.delete(oldest)
    }
    return next
  }
}
