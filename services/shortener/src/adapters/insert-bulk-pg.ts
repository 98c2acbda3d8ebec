/**
 * A bulk in one transaction of its own: its record, its links and what each item was answered, so that a retry with
 * the same key is answered alike. Few bulks run at once, since each is as much work as many groups.
 */
import type { LinkfleetError } from '@linkfleet/contracts/errors'
import { sleep } from '@linkfleet/runtime/backoff'
import { overloaded } from '@linkfleet/runtime/load-shedding'
import type { Pool, Transaction } from '@linkfleet/runtime/postgres'
import type { BulkOrder, BulkOutcome, InsertOutcome, LinkToInsert } from '../ports.ts'
import { claimBulk } from './idempotency-records-pg.ts'
import { beginChange, insertAll, insertAllCarefully, isItemToBlame } from './insert-group-pg.ts'
import { whileAnswering } from './primary-silence-pg.ts'
import { bounded, isLockTimeout, notCreated, outcomeUnknown, toChangeError } from './store-errors-pg.ts'

const bulksInFlightMax = 2
const bulksWaitingMax = 8
/**
 * While creates by themselves are under way, bulks come one after the other, and a bulk leaves as much time as it took, up
 * to this: whoever creates a single link waits behind one of them, however many ask. A longer pause would leave more time
 * than others need, and the last of several bulks too little.
 */
const pauseMsMax = 50
/**
 * From the first word of the database on, as long as it goes on answering. A bulk is far more work than a create; its route
 * has no part in the SLI.
 */
const bulkWithinMs = 5_000
const keyLockWaitMs = 600
const lockWaitMs = 300
const carefulMs = 1_500
const carefulLockWaitMs = 2
/** Codes that turn out to be somebody's alias are replaced this often. */
const recodedRoundsMax = 3

/** `othersWait`: whether creates by themselves are under way. */
export function createBulkInsert(pool: Pool, othersWait: () => boolean) {
  let inFlight = 0
  const waiting: (() => void)[] = []

  async function takeTurn(): Promise<void> {
    if (inFlight < (othersWait() ? 1 : bulksInFlightMax)) {
      inFlight++
      return
    }
    if (waiting.length >= bulksWaitingMax) throw overloaded
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  async function endTurn(tookMs: number): Promise<void> {
    if (othersWait()) await sleep(Math.min(tookMs, pauseMsMax))
    inFlight--
    while (waiting.length > 0 && inFlight < (othersWait() ? 1 : bulksInFlightMax)) {
      inFlight++
      waiting.shift()?.()
    }
  }

  async function insertInTurn(order: BulkOrder, start: Start): Promise<BulkOutcome> {
    await takeTurn()
    const startedMs = performance.now()
    try {
      start.expectWaiting()
      return await insertBulk(pool, { ...order, items: await order.takeCodes() }, start)
    } finally {
      void endTurn(performance.now() - startedMs)
    }
  }

  /** Until the database has said something the answer is due as soon as any other. */
  return async (order: BulkOrder, byMs: number): Promise<BulkOutcome> => {
    const isKeyed = order.idempotency !== null
    const refusal = isKeyed ? outcomeUnknown : notCreated
    const start = new Start()
    const work = insertInTurn(order, start).catch((error: unknown) => {
      throw isKeyed && isLockTimeout(error) ? outcomeUnknown(error) : toChangeError(error, isKeyed)
    })
    work.catch(() => {})
    const begun = Promise.race([start.begun, work])
    await bounded(begun, () => start.abandon(refusal()), byMs - performance.now())
    return await bounded(whileAnswering(pool, work), outcomeUnknown, bulkWithinMs)
  }
}

/** Whether a transaction has begun, or was given up before it did. */
class Start {
  readonly #begun = Promise.withResolvers<void>()
  #refusal: LinkfleetError | undefined

  get begun(): Promise<void> {
    return this.#begun.promise
  }

  abandon(refusal: LinkfleetError): LinkfleetError {
    this.#refusal = refusal
    return refusal
  }

  /** Throws when nobody waits for this transaction any more. */
  expectWaiting(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** Throws when nobody waits for this transaction any more: it is rolled back. */
  begin(): void {
    this.expectWaiting()
    this.#begun.resolve()
  }
}

async function insertBulk(pool: Pool, order: BulkOrder, start: Start): Promise<BulkOutcome> {
  const run = (insert: typeof insertAll) =>
    pool.transaction(async (transaction) => {
      start.begin()
      return await runBulk(transaction, order, insert)
    }, beginChange(keyLockWaitMs))
  try {
    return await run(insertAll)
  } catch (error) {
    // With a key it may be the key that somebody holds; then a second look finds their answer, or the same wait.
    if (!isItemToBlame(error)) throw error
    const untilMs = performance.now() + carefulMs
    return await run((transaction, placed) => insertAllCarefully(transaction, placed, untilMs))
  }
}

async function runBulk(
  transaction: Transaction,
  order: BulkOrder,
  insert: typeof insertAll,
): Promise<BulkOutcome> {
  const claim = claimBulk(order.idempotency)
  const earlier = await claim.claim(transaction)
  if (earlier?.kind === 'idempotency-mismatch') return earlier
  // The record that left some open has gone since: the next attempt is the first again.
  if (earlier === undefined && order.openIn !== null) throw outcomeUnknown()
  const open = earlier === undefined ? [...order.items.keys()] : (order.openIn?.(earlier.record) ?? [])
  if (earlier !== undefined && open.length === 0) return earlier
  await transaction.query(`SET LOCAL lock_timeout = ${insert === insertAll ? lockWaitMs : carefulLockWaitMs}`)
  const outcomes = new Array<InsertOutcome | undefined>(order.items.length)
  const items = open.map((index) => order.items[index] as LinkToInsert)
  for (const [at, outcome] of (await insertRecoding(transaction, order, items, insert)).entries()) {
    outcomes[open[at] as number] = outcome
  }
  await claim.write(transaction, order.toRecord(outcomes, earlier?.record))
  return { kind: 'inserted', outcomes, record: earlier?.record }
}

/** Inserts; generated codes that are taken, or were not ready, are replaced. */
async function insertRecoding(
  transaction: Transaction,
  { replaceCodes }: BulkOrder,
  items: readonly LinkToInsert[],
  insert: typeof insertAll,
): Promise<InsertOutcome[]> {
  const place = (placed: readonly LinkToInsert[]) => placed.map((item, position) => ({ item, position }))
  const outcomes = await insert(transaction, place(items))
  for (let round = 0; round < recodedRoundsMax; round++) {
    const taken = outcomes.flatMap((outcome, at) =>
      outcome.kind === 'code-taken' && items[at]?.link.alias === null ? [at] : [],
    )
    if (taken.length === 0) break
    const recoded = await replaceCodes(taken.map((at) => items[at] as LinkToInsert))
    const again = await insert(transaction, place(recoded))
    for (const [index, at] of taken.entries()) outcomes[at] = again[index] as InsertOutcome
  }
  return outcomes
}
