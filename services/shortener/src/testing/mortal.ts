/**
 * A process that dies at one exact step. Whatever it does goes through `step`; at the step named it stops for good,
 * before or after doing it: nothing of it is ever heard again, as of one that was killed. Its database connection is
 * closed, as the kernel would close it.
 */
export type Moment = 'before' | 'after'

export interface Death {
  readonly step: string
  readonly moment: Moment
}

const never = new Promise<never>(() => {})

export class Mortal {
  readonly #death: Death | undefined
  readonly #died = Promise.withResolvers<void>()
  readonly #connections: (() => void)[] = []
  readonly seen = new Set<string>()
  isDead = false

  constructor(death?: Death) {
    this.#death = death
  }

  get died(): Promise<void> {
    return this.#died.promise
  }

  /** Closed by death. */
  holds(close: () => void): void {
    this.#connections.push(close)
  }

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.isDead) return await never
    this.seen.add(name)
    if (this.#isFatal(name, 'before')) return await this.#die()
    const result = await work().catch(async (error: unknown) => {
      // The dead do not learn that their connection was closed.
      if (this.isDead) return await never
      throw error
    })
    if (this.isDead) return await never
    if (this.#isFatal(name, 'after')) return await this.#die()
    return result
  }

  /** Of one that is not to die at a step: it ends here. */
  kill(): void {
    if (!this.isDead) void this.#die()
  }

  #isFatal(step: string, moment: Moment): boolean {
    return this.#death?.step === step && this.#death.moment === moment
  }

  async #die(): Promise<never> {
    this.isDead = true
    for (const close of this.#connections) close()
    this.#died.resolve()
    return await never
  }
}
