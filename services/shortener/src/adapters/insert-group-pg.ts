/**
 * A group of creates in one transaction. Mostly one statement does it all. When the group fails and one of its items
 * may be to blame (it waits for what another transaction holds), it is run again with care: in halves, each behind a
 * savepoint, with hardly any waiting, until the items to blame stand alone. They are told as 'busy' or 'failed', and
 * everybody else gets their link in that same transaction. The whole of it is bounded, however many are to blame.
 */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import {
  CommitUnknownError,
  isConnectionError,
  type Pool,
  type Transaction,
} from '@linkfleet/runtime/postgres'
import { mayReuse } from '../domain/reuse-link.ts'
import type { InsertOutcome, LinkToInsert, Placed } from '../ports.ts'
import { recordReused, replay } from './idempotency-records-pg.ts'
import { insertDistinct } from './insert-links-pg.ts'
import { insertPlain, insertPlainAlone, isPlain } from './insert-plain-pg.ts'
import { lockUrls, reuseLinks } from './reuse-links-pg.ts'
import { isLockTimeout, isPassing, notCreated } from './store-errors-pg.ts'

/** A frozen process must not keep others from its aliases: its transaction is ended by the server. */
export const beginChange = (lockTimeoutMs: number) =>
  `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000; SET LOCAL lock_timeout = ${Math.ceil(lockTimeoutMs)}`

/** How long each part waits for a lock in a careful run: hardly, since the group as a whole has waited before. */
const carefulLockWaitMs = 1

export interface GroupLimits {
  /** How long the group as a whole waits for a lock. */
  readonly lockWaitMs: number
  /** How long a careful run may go on splitting; whoever is not settled by then is 'busy'. */
  readonly carefulMs: number
}

/** One outcome for each item, in order. Throws when nothing was committed for a reason that no item is to blame for. */
export async function insertLinkGroup(
  pool: Pool,
  items: readonly LinkToInsert[],
  { lockWaitMs, carefulMs }: GroupLimits,
): Promise<InsertOutcome[]> {
  const placed = items.map((item, position) => ({ item, position }))
  try {
    if (items.every(isUncontested)) return await insertPlainAlone(pool, items, lockWaitMs)
    return await pool.transaction((transaction) => insertAll(transaction, placed), beginChange(lockWaitMs))
  } catch (error) {
    if (!isItemToBlame(error)) throw error
    if (items.length === 1 && !isTaken(error)) return [toBlamed(error)]
  }
  const untilMs = performance.now() + carefulMs
  return await pool.transaction(
    (transaction) => insertAllCarefully(transaction, placed, untilMs),
    beginChange(carefulLockWaitMs),
  )
}

export async function insertAll(
  transaction: Transaction,
  placed: readonly Placed[],
): Promise<InsertOutcome[]> {
  const outcomes = new Array<InsertOutcome | undefined>(placed.length)
  await insertRounds(transaction, placed, outcomes, insertAtOnce)
  return outcomes as InsertOutcome[]
}

type Insert = typeof insertDistinct

/** Where nobody is expected to be in the way; if somebody is, all of it fails, and runs again with care. */
const insertAtOnce: Insert = async (transaction, items, outcomes) =>
  await (items.every(isPlain) ? insertPlain : insertDistinct)(transaction, items, outcomes)

export async function insertAllCarefully(
  transaction: Transaction,
  placed: readonly Placed[],
  untilMs: number,
): Promise<InsertOutcome[]> {
  const outcomes = new Array<InsertOutcome | undefined>(placed.length)
  // A generated code is nobody else's: those items need no splitting, however many others do.
  const plain = placed.filter(({ item }) => !isContestable(item))
  await insertCarefully(transaction, plain, outcomes, untilMs)
  const contestable = placed.filter(({ item }) => isContestable(item))
  await insertCarefully(transaction, contestable, outcomes, untilMs)
  return outcomes as InsertOutcome[]
}

async function insertCarefully(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
  untilMs: number,
): Promise<void> {
  if (items.length === 0) return
  if (performance.now() >= untilMs) {
    for (const { position } of items) outcomes[position] = { kind: 'busy' }
    return
  }
  await transaction.query('SAVEPOINT part')
  try {
    await insertRounds(transaction, items, outcomes, insertDistinct)
    await transaction.query('RELEASE SAVEPOINT part')
    return
  } catch (error) {
    if (!isItemToBlame(error)) throw error
    await transaction.query('ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part')
    for (const { position } of items) outcomes[position] = undefined
    const [only] = items
    if (only !== undefined && items.length === 1) {
      outcomes[only.position] = toBlamed(error)
      return
    }
  }
  const middle = items.length >> 1
  await insertCarefully(transaction, items.slice(0, middle), outcomes, untilMs)
  await insertCarefully(transaction, items.slice(middle), outcomes, untilMs)
}

/**
 * Of items that claim the same code, idempotency key or reusable URL the first goes ahead; the others then mostly know
 * their fate without a statement of their own.
 */
async function insertRounds(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
  insert: Insert,
): Promise<void> {
  await lockUrls(transaction, items)
  const takenCodes = new Set<string>()
  let waiting = items
  while (waiting.length > 0) {
    const { ahead, behind } = splitClaims(waiting)
    await settleReuse(transaction, ahead, outcomes)
    const isOpen = ({ position }: Placed) => outcomes[position] === undefined
    await insert(transaction, ahead.filter(isOpen), outcomes)
    for (const { item, position } of ahead) {
      const kind = outcomes[position]?.kind
      if (item.code !== null && (kind === 'created' || kind === 'code-taken')) takenCodes.add(item.code)
    }
    await replay(transaction, behind, outcomes)
    await settleReuse(transaction, behind, outcomes)
    for (const { item, position } of behind) {
      if (item.code !== null && takenCodes.has(item.code)) outcomes[position] ??= { kind: 'code-taken' }
    }
    waiting = behind.filter(isOpen)
  }
}

/** A request that was answered before gets its old answer, before anybody looks for another. */
async function settleReuse(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const wanting = items.filter(({ item }) => mayReuse(item.link))
  if (wanting.length === 0) return
  await replay(transaction, wanting, outcomes)
  await reuseLinks(transaction, wanting, outcomes)
  await recordReused(transaction, wanting, outcomes)
}

function splitClaims(items: readonly Placed[]): { ahead: Placed[]; behind: Placed[] } {
  const claimed = new Set<string>()
  const ahead: Placed[] = []
  const behind: Placed[] = []
  for (const placed of items) {
    const claims = claimsOf(placed.item)
    const isBehind = claims.some((claim) => claimed.has(claim))
    ;(isBehind ? behind : ahead).push(placed)
    for (const claim of claims) claimed.add(claim)
  }
  return { ahead, behind }
}

const isContestable = ({ link, idempotency }: LinkToInsert) =>
  link.alias !== null || idempotency !== null || mayReuse(link)

const isUncontested = (item: LinkToInsert) => item.code !== null && !isContestable(item)

/** What an item wants for itself alone. No code has a space. */
export function claimsOf({ code, idempotency, link }: LinkToInsert): string[] {
  const claims = code === null ? [] : [code]
  if (idempotency !== null) claims.push(`key ${idempotency.keyHash.toString('base64')}`)
  if (mayReuse(link)) claims.push(`url ${link.targetUrl}`)
  return claims
}

/** A generated code that somebody has as an alias: the careful run finds out whose. */
const isTaken = (error: unknown) => (error as { code?: unknown }).code === '23505'

function toBlamed(error: unknown): InsertOutcome {
  if (isLockTimeout(error)) return { kind: 'busy' }
  // A full disk, a deadlock or a cancelled statement is nobody's fault, and passes.
  return { kind: 'failed', error: isPassing(error) ? notCreated(error) : error }
}

/** An error of the server's own about a statement: the transaction is rolled back, and one item may be the cause. */
export function isItemToBlame(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  if (error instanceof CommitUnknownError || error instanceof LinkfleetError) return false
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !isConnectionError(error)
}
