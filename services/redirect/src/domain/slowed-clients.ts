/** Clients that have to wait, and until when: as many as there is room for, those who began to wait last. */
export class SlowedClients {
  readonly #untilMs = new Map<string, number>()
  readonly #clientsMax: number

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax
  }

  get size(): number {
    return this.#untilMs.size
  }

  slow(client: string, untilMs: number): void {
    this.#untilMs.delete(client)
    this.#untilMs.set(client, untilMs)
    if (this.#untilMs.size <= this.#clientsMax) return
    const [oldest] = this.#untilMs.keys()
    if (oldest !== undefined) this.#untilMs.delete(oldest)
  }

  /** 0 when it need not wait. */
  waitMsOf(client: string, nowMs: number): number {
    return Math.max(0, (this.#untilMs.get(client) ?? 0) - nowMs)
  }

  sweep(nowMs: number): void {
    for (const [client, untilMs] of this.#untilMs) {
      if (untilMs <= nowMs) this.#untilMs.delete(client)
    }
  }
}
