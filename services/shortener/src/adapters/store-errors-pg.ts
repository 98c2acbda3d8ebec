/** What goes wrong with Postgres, told as what it means to a caller. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { CommitUnknownError, isConnectionError } from '@linkfleet/runtime/postgres'

/** Every answer about the database, good or bad, comes within this time. */
export const answerWithinMs = 900
const retryAfterSeconds = 1

// Timeouts of statements, locks and idle transactions, deadlocks, serialization failures, exhausted resources.
const passingSqlStates = /^(57014|55P03|25P03|40P01|40001|53)/

export function isPassing(error: unknown): boolean {
  if (isConnectionError(error)) return true
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && (passingSqlStates.test(code) || code === 'ENOPRIMARY')
}

/** Somebody else's transaction held a row for too long; what becomes of that transaction is open. */
export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === '55P03'
}

export const outcomeUnknown = (cause?: unknown): LinkfleetError =>
  new LinkfleetError(
    'outcome-unknown',
    'The database did not say whether the change was made. Repeat the request with its Idempotency-Key, or look.',
    { retryAfterSeconds, cause },
  )

/** The same of a change that no Idempotency-Key can settle: `what` is to be read again. */
const changeUnknown = (what: string, cause?: unknown): LinkfleetError =>
  new LinkfleetError(
    'outcome-unknown',
    `The database did not say whether the change was made. Read ${what} again to see.`,
    { retryAfterSeconds, cause },
  )

export const notCreated = (cause?: unknown): LinkfleetError =>
  new LinkfleetError('not-created', 'The database cannot be reached right now. Nothing was changed.', {
    retryAfterSeconds,
    cause,
  })

export const unavailable = (cause?: unknown): LinkfleetError =>
  new LinkfleetError('unavailable', 'The database cannot be reached right now.', { retryAfterSeconds, cause })

/**
 * An error of a change: nothing was committed, unless it is the answer to COMMIT that is missing. Where the database
 * was not reached, a change with an idempotency key may have been made by an earlier attempt.
 */
export function toChangeError(error: unknown, isKeyed = false): unknown {
  if (error instanceof CommitUnknownError) return outcomeUnknown(error)
  if (!isPassing(error)) return error
  return isKeyed ? outcomeUnknown(error) : notCreated(error)
}

/**
 * Answers a change of `what` within the bound, and by `byMs` of performance.now(). Past it the outcome is open. No create:
 * nobody repeats it with a key.
 */
export async function boundedChange<T>(
  work: () => Promise<T>,
  byMs?: number,
  what = 'what it was to change',
): Promise<T> {
  const working = work().catch((error) => {
    throw error instanceof CommitUnknownError ? changeUnknown(what, error) : toChangeError(error)
  })
  return await bounded(working, () => changeUnknown(what), leftMs(byMs))
}

/** Answers a read within the bound, and by `byMs` of performance.now(). */
export async function boundedRead<T>(work: () => Promise<T>, byMs?: number): Promise<T> {
  const reading = work().catch((error) => Promise.reject(isPassing(error) ? unavailable(error) : error))
  return await bounded(reading, unavailable, leftMs(byMs))
}

const leftMs = (byMs: number | undefined) =>
  byMs === undefined ? answerWithinMs : Math.min(answerWithinMs, byMs - performance.now())

/** A create passes here more than once: it takes one promise and one timer, and no race, which makes several. */
export function bounded<T>(
  work: Promise<T>,
  late: () => LinkfleetError,
  withinMs = answerWithinMs,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.max(0, withinMs))
    // Who is late may still fail; nobody waits for it then.
    work.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
