/**
 * Which instance the next attempt of a call goes to. Pure: what health watching and earlier calls have shown, and the
 * time, go in.
 *
 * Two signals are kept apart. Health (an instance's own word, lost with its connection) tells who is there at all.
 * Outlier ejection tells who is there and does not do its work: after some failures in a row an instance is left alone
 * for a while, longer each time, until a call succeeds again. When more than half would be left alone, nobody is: then
 * it is not the instances.
 */

const failuresInRowMax = 3
const ejectionMsMin = 1_000
const ejectionMsMax = 10_000

export class Standing {
  /** Its health service says SERVING, over a connection that answers heartbeats. */
  isServing = false
  #failuresInRow = 0
  #ejections = 0
  #ejectedUntilMs = Number.NEGATIVE_INFINITY

  /** An attempt was answered, be it with a refusal. */
  answered(): void {
    this.#failuresInRow = 0
    this.#ejections = 0
    this.#ejectedUntilMs = Number.NEGATIVE_INFINITY
  }

  /** An attempt failed for a reason of the instance's own, or goes unanswered for too long. */
  failed(nowMs: number): void {
    this.#failuresInRow += 1
    // What was under way when it was ejected says nothing new.
    if (this.#failuresInRow < failuresInRowMax || this.isEjected(nowMs)) return
    this.#ejectedUntilMs = nowMs + Math.min(ejectionMsMax, ejectionMsMin * 2 ** this.#ejections)
    this.#ejections = Math.min(this.#ejections + 1, 10)
  }

  isEjected(nowMs: number): boolean {
    return nowMs < this.#ejectedUntilMs
  }
}

interface Balanced {
  readonly standing: Standing
}

/**
 * The best instance for an attempt, in turn among equals; undefined when there is none at all. One that serves comes
 * before one that does not, then one that this call has not tried, then one that is not ejected.
 */
export function pickInstance<Instance extends Balanced>(
  instances: readonly Instance[],
  tried: ReadonlySet<Instance>,
  turn: number,
  nowMs: number,
): Instance | undefined {
  const serving = instances.filter(({ standing }) => standing.isServing)
  const ejected = serving.filter(({ standing }) => standing.isEjected(nowMs))
  const ejectionCounts = ejected.length * 2 <= serving.length
  const rank = (instance: Instance) =>
    (instance.standing.isServing ? 4 : 0) +
    (tried.has(instance) ? 0 : 2) +
    (ejectionCounts && instance.standing.isEjected(nowMs) ? 0 : 1)
  const best = Math.max(...instances.map(rank))
  const equals = instances.filter((instance) => rank(instance) === best)
  return equals[turn % equals.length]
}

/**
 * Bounds how many calls are sent a second time because the first goes unanswered: in the long run a share of the calls
 * that succeed, so that a fleet that is slow as a whole does not get twice its load.
 */
export class SecondTries {
  readonly #tokensMax: number
  readonly #tokensPerSuccess: number
  #tokens: number

  constructor(options: { readonly tokensMax: number; readonly tokensPerSuccess: number }) {
    this.#tokensMax = options.tokensMax
    this.#tokensPerSuccess = options.tokensPerSuccess
    this.#tokens = options.tokensMax
  }

  succeeded(): void {
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + this.#tokensPerSuccess)
  }

  take(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
