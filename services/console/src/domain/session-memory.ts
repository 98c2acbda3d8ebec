/**
 * What is remembered of session checks. A verdict holds for some seconds, so that a page with several parts asks
 * once. When the shortener cannot say, a session that was valid lately stays so for reading the SLO and the fleet:
 * those pages matter most while something is down. Links and statistics never go by it: their services judge.
 */
import type { SessionVerdict } from '../ports.ts'

type ValidVerdict = Extract<SessionVerdict, { kind: 'valid' }>

interface Remembered {
  readonly verdict: ValidVerdict
  readonly checkedAtMs: number
}

const freshMs = 10_000
const staleMs = 15 * 60_000
const sessionsMax = 1_000

export class SessionMemory {
  readonly #sessions = new Map<string, Remembered>()

  /** A verdict that need not be asked again. */
  fresh(session: string, nowMs: number): ValidVerdict | null {
    return this.#within(session, nowMs, freshMs)
  }

  /** A verdict to go by while nobody can be asked. */
  stale(session: string, nowMs: number): ValidVerdict | null {
    return this.#within(session, nowMs, staleMs)
  }

  remember(session: string, verdict: ValidVerdict, nowMs: number): void {
    this.#sessions.delete(session)
    this.#sessions.set(session, { verdict, checkedAtMs: nowMs })
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size > sessionsMax && !oldest.done) this.#sessions.delete(oldest.value)
  }

  forget(session: string): void {
    this.#sessions.delete(session)
  }

  #within(session: string, nowMs: number, ageMaxMs: number): ValidVerdict | null {
    const known = this.#sessions.get(session)
    if (known === undefined || nowMs - known.checkedAtMs >= ageMaxMs) return null
    const { expiresAt } = known.verdict
    return expiresAt === null || nowMs < Date.parse(expiresAt) ? known.verdict : null
  }
}
