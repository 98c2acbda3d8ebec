/**
 * What a process tells of itself. Ready means listening and not draining (redirect also waits for its first source of
 * links and, for a bounded time, for what tells visitors apart). A dependency that is away is shown, and never drains
 * the fleet.
 */

/** 'up', 'down', or a sentence that says what is wrong. */
export type DependencyState = string

export interface HealthReport {
  readonly status: 'ready' | 'starting' | 'draining'
  readonly dependencies: Readonly<Record<string, DependencyState>>
}

export class Health {
  #ready = false
  #draining = false
  readonly #dependencies = new Map<string, () => DependencyState>()

  /** `state` is asked at each report: it must answer at once, from what is already known. */
  dependency(name: string, state: () => DependencyState): void {
    this.#dependencies.set(name, state)
  }

  setReady(): void {
    this.#ready = true
  }

  setDraining(): void {
    this.#draining = true
  }

  get isDraining(): boolean {
    return this.#draining
  }

  report(): HealthReport {
    const dependencies: Record<string, DependencyState> = {}
    for (const [name, state] of this.#dependencies) dependencies[name] = state()
    return { status: this.#draining ? 'draining' : this.#ready ? 'ready' : 'starting', dependencies }
  }
}
