/**
 * What must be true of every answer and of every copy, whatever happened before. Times are of the one simulated clock;
 * a change counts from the moment its client was told.
 */
import type { FoundLink } from '../../services/redirect/src/domain/find-link.ts'
import { freshForMs, staleForMs } from '../../services/redirect/src/domain/freshness.ts'
import type { LinkMemory } from '../../services/redirect/src/domain/link-memory.ts'
import { floorForMs } from '../../services/redirect/src/domain/version-floors.ts'
import type { KnownCopy } from '../../services/redirect/src/ports.ts'
import type { Primary } from './primary.ts'
import type { Redirect } from './redirect.ts'

export interface Request {
  readonly redirect: Redirect
  readonly code: string
  readonly arrivedAtMs: number
  /** It shares the answer of one that came earlier. */
  readonly joined: boolean
  /** What the feed had told of this code when it came. */
  readonly told: { readonly version: number; readonly atMs: number } | undefined
  /** Nobody had said anything of this code since the last gap in the feed. */
  readonly wasUnconfirmed: boolean
}

export interface Answer extends Request {
  readonly found: FoundLink
  /** From memory, in the same turn. */
  readonly atOnce: boolean
}

const absenceForMs = 1_000
/** The longest way through all sources. */
const flightMs = 1_000

export function versionOf(found: FoundLink): number {
  return found.kind === 'link' ? found.known.copy.version : 0
}

export class Verdicts {
  readonly #primary: Primary
  readonly #clock: () => number
  /** When the machine last came out of a sleep: what was asked before it may be too old by then to be an answer. */
  wokeAtMs = Number.NEGATIVE_INFINITY
  /** What was wrong, in sentences. */
  readonly problems: string[] = []
  /** All of them, in their order. */
  readonly answers: FoundLink[] = []

  constructor(primary: Primary, clock: () => number) {
    this.#primary = primary
    this.#clock = clock
  }

  #wrong(problem: string): void {
    this.problems.push(`at ${this.#clock()}: ${problem}`)
  }

  judge(answer: Answer): void {
    const { found } = answer
    this.answers.push(found)
    if (found.kind === 'unknown' || (found.kind === 'link' && found.stale)) this.#judgeHelplessness(answer)
    if (found.kind === 'unknown') return
    if (found.kind === 'absent') this.#judgeAbsence(answer)
    this.#judgeMonotony(answer)
    if (found.kind === 'link' && found.stale) return
    this.#judgeAge(answer)
    this.#judgePromptness(answer)
  }

  /** `asOf` is a moment at which the copy was current: nothing newer was acknowledged before it. */
  judgeCopy({ copy, asOfMs }: KnownCopy, where: string): void {
    const supersededAtMs = this.#primary.supersededAtMs(copy.code, copy.version)
    if (supersededAtMs !== undefined && supersededAtMs < asOfMs) {
      this.#wrong(
        `${where} says that version ${copy.version} of ${copy.code} was current at ${asOfMs}, but a newer one was acknowledged at ${supersededAtMs}`,
      )
    }
  }

  judgeReplaced({ copy }: KnownCopy, version: number): void {
    this.#wrong(`version ${copy.version} of ${copy.code} took the place of version ${version}`)
  }

  /** Only who could not ask the primary may say that nobody knows, or follow a copy that nobody confirmed. */
  #judgeHelplessness({ redirect, code, arrivedAtMs, found }: Answer): void {
    if (Math.max(redirect.primaryFailedAtMs, this.wokeAtMs) < arrivedAtMs - flightMs) {
      this.#wrong(`${code} was answered with ${found.kind}, unconfirmed, although the primary could be asked`)
    }
    if (found.kind === 'link' && this.#clock() - found.known.asOfMs > staleForMs) {
      this.#wrong(`${code} was followed with a copy that is older than a day`)
    }
  }

  /** 404 of a link that exists: only within a second of its create, and only where it was asked for before it. */
  #judgeAbsence({ redirect, code, arrivedAtMs }: Answer): void {
    const createdAtMs = this.#primary.versionsOf(code)[0]?.acknowledgedAtMs
    if (createdAtMs === undefined || createdAtMs >= arrivedAtMs) return
    const askedFromMs = createdAtMs - absenceForMs - flightMs
    const wasAskedBefore = redirect.askedAtMs
      .get(code)
      ?.some(
        (askedAtMs) => askedAtMs <= createdAtMs && (askedAtMs >= askedFromMs || this.wokeAtMs >= askedFromMs),
      )
    if (wasAskedBefore !== true) this.#wrong(`${code} was answered 404 although its create was acknowledged`)
    if (this.#clock() - createdAtMs > absenceForMs) {
      this.#wrong(`${code} was answered 404 more than a second after its create`)
    }
  }

  /** No process goes back behind what it remembers. */
  #judgeMonotony({ redirect, code, found }: Answer): void {
    if (found.kind === 'link' && versionOf(found) < redirect.rememberedVersion(code)) {
      this.#wrong(`${code} went back to version ${versionOf(found)} from what memory holds`)
    }
  }

  /** What is followed as current was current at most ten seconds ago. */
  #judgeAge({ code, found }: Answer): void {
    if (found.kind !== 'link') return
    const supersededAtMs = this.#primary.supersededAtMs(code, versionOf(found))
    if (supersededAtMs !== undefined && this.#clock() - supersededAtMs > freshForMs) {
      this.#wrong(`${code} was followed as version ${versionOf(found)}, superseded at ${supersededAtMs}`)
    }
  }

  /** What the feed told of is in force at once; what it may have missed is asked for. */
  #judgePromptness({
    redirect,
    code,
    joined,
    told,
    wasUnconfirmed,
    atOnce,
    arrivedAtMs,
    found,
  }: Answer): void {
    const version = versionOf(found)
    if (!joined && told !== undefined && told.version > version && this.#clock() < told.atMs + floorForMs) {
      this.#wrong(`${code} was answered as version ${version} although the feed had told of ${told.version}`)
    }
    const newest = this.#primary
      .versionsOf(code)
      .findLast(({ acknowledgedAtMs }) => (acknowledgedAtMs ?? arrivedAtMs) < redirect.gapAtMs)
    if (atOnce && wasUnconfirmed && found.kind === 'link' && version < (newest?.copy.version ?? 0)) {
      this.#wrong(`${code} was followed as version ${version} without a question after a gap in the feed`)
    }
  }
}

/** Every copy that memory keeps is judged. */
export function watched(memory: LinkMemory, verdicts: Verdicts): LinkMemory {
  const offer = memory.offer.bind(memory)
  memory.offer = (key, known, epoch) => {
    const before = memory.get(key)
    const kept = offer(key, known, epoch)
    verdicts.judgeCopy(kept, 'memory')
    if (before !== undefined && before.copy.version > kept.copy.version) {
      verdicts.judgeReplaced(kept, before.copy.version)
    }
    return kept
  }
  return memory
}
