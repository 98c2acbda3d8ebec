/** The only writer of links: creates in groups, edits and deletes one by one, each with its outbox row. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import {
  CommitUnknownError,
  isConnectionError,
  type Pool,
  type Row,
  type Transaction,
} from '@linkfleet/runtime/postgres'
import { GroupCommit } from '../domain/group-commit.ts'
import { type LinkKey, linkStates, type StoredChanges } from '../domain/link.ts'
import type { ChangeOutcome, InsertOutcome, LinkToInsert, LinkWriter } from '../ports.ts'
import { refuseEmptySpanOf, toSet } from './edit-link-pg.ts'
import {
  beginChange,
  claimsOf,
  findReplay,
  insertLinkGroup,
  keyClaimOf,
  lockWaitMs,
} from './insert-links-pg.ts'
import { freshnessColumns, linkColumns, toLink } from './link-row-pg.ts'
import {
  bounded,
  boundedChange,
  boundedRead,
  isLockTimeout,
  notCreated,
  outcomeUnknown,
  toChangeError,
} from './store-errors-pg.ts'

/** A group stays small enough to be answered well within its bound. */
const groupItemsMax = 128
/** Two: one is in the database while the answers of the other are written. */
const groupsInFlightMax = 2
/** More than this waiting cannot be answered in time: refused at once. */
const itemsWaitingMax = 4_000
/** A group does not wait long for what one of its items is waiting for, and its parts even less. */
const groupLockWaitMs = 150
const rerunLockWaitMs = 30
/** Enough to find two blocked items in a full group; 150 ms and 15 times 30 ms leave time for the answers. */
const lockTimeoutsPerGroupMax = 16

export interface LinkWriterEvents {
  groupCommitted(items: number, seconds: number): void
}

export function openLinkWriterPg(pool: Pool, events: LinkWriterEvents): LinkWriter {
  const groups = new GroupCommit<LinkToInsert, InsertOutcome>({
    run: async (items, isRerun) => {
      const startedMs = performance.now()
      // A transaction that hangs must not keep its codes and keys from a retry: the database has the last word on them.
      const outcomes = await bounded(
        insertLinkGroup(pool, items, lockWaitOf(items.length, isRerun)),
        outcomeUnknown,
      )
      events.groupCommitted(items.length, (performance.now() - startedMs) / 1000)
      return outcomes
    },
    keysOf: claimsOf,
    // A server that is away is away for every half as well.
    isWorthHalving: (error, failures) =>
      isItemToBlame(error) && !(isLockTimeout(error) && failures >= lockTimeoutsPerGroupMax),
    groupItemsMax,
    groupsInFlightMax,
  })

  async function insert(item: LinkToInsert): Promise<InsertOutcome> {
    const { idempotency } = item
    // Nothing came of this attempt; but one before it with the same key may be about to commit.
    const refusal = () =>
      idempotency !== null && groups.isBusy(keyClaimOf(idempotency)) ? outcomeUnknown() : notCreated()
    if (groups.waiting >= itemsWaitingMax) throw refusal()
    const submission = groups.submit(item)
    const result = submission.result.catch((error) =>
      // The lock may be that of an earlier attempt, which holds the key until it has committed.
      Promise.reject(
        idempotency !== null && isLockTimeout(error) ? outcomeUnknown(error) : toChangeError(error),
      ),
    )
    return await bounded(result, () => (submission.abandon() ? refusal() : outcomeUnknown()))
  }

  return {
    insert,
    findReplay: (idempotency) => boundedRead(() => findReplay(pool, idempotency)),
    edit: (key, changes, ifVersion) =>
      boundedChange(() =>
        changeLink(pool, key, ifVersion, (transaction, locked) =>
          applyEdit(transaction, key, changes, locked),
        ),
      ),
    delete: (key, ifVersion) =>
      boundedChange(() => changeLink(pool, key, ifVersion, (transaction) => applyDelete(transaction, key))),
  }
}

function lockWaitOf(items: number, isRerun: boolean): number {
  if (isRerun) return rerunLockWaitMs
  return items > 1 ? groupLockWaitMs : lockWaitMs
}

/** An error of the server's own about a statement: the transaction is rolled back, and one item may be the cause. */
function isItemToBlame(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  if (error instanceof CommitUnknownError || error instanceof LinkfleetError) return false
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !isConnectionError(error)
}

/**
 * Locks the link, compares its version, applies. The lock comes first: the new version is drawn while it is held,
 * so the versions of one link grow in the order of its changes.
 */
async function changeLink(
  pool: Pool,
  key: LinkKey,
  ifVersion: number | null,
  apply: (transaction: Transaction, locked: Row) => Promise<ChangeOutcome>,
): Promise<ChangeOutcome> {
  return await pool.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ version: number; starts_at: unknown; expires_at: unknown }>({
      name: 'lock-link',
      text: `SELECT version, starts_at, expires_at FROM links.links
        WHERE domain_id = $1 AND code = $2 AND state <> ${linkStates.deleted} FOR UPDATE`,
      values: [key.domainId, key.code],
    })
    const [row] = rows
    if (row === undefined) return { kind: 'unknown-link' }
    if (ifVersion !== null && ifVersion !== row.version)
      return { kind: 'version-mismatch', version: row.version }
    return await apply(transaction, row)
  }, beginChange(lockWaitMs))
}

const changedAndTold = (set: string) => `
WITH changed AS (
  UPDATE links.links AS l SET ${set}, version = nextval('links.version_seq'),
    updated_at = date_trunc('milliseconds', statement_timestamp())
  WHERE l.domain_id = $1 AND l.code = $2
  RETURNING ${linkColumns('l')}
), told AS (
  INSERT INTO links.outbox (version, domain_id, code) SELECT version, domain_id, code FROM changed
)
SELECT ${freshnessColumns}, ${linkColumns('changed')} FROM changed`

const deleteLink = { name: 'delete-link', text: changedAndTold(`state = ${linkStates.deleted}`) }

async function applyEdit(
  transaction: Transaction,
  key: LinkKey,
  changes: StoredChanges,
  locked: Row,
): Promise<ChangeOutcome> {
  refuseEmptySpanOf(locked, changes)
  const { set, values } = toSet(changes)
  // No name: an edit is rare, and there are too many combinations of fields to prepare each on every connection.
  return await runChange(transaction, { text: changedAndTold(set) }, [key.domainId, key.code, ...values])
}

async function applyDelete(transaction: Transaction, key: LinkKey): Promise<ChangeOutcome> {
  return await runChange(transaction, deleteLink, [key.domainId, key.code])
}

async function runChange(
  transaction: Transaction,
  statement: { readonly name?: string; readonly text: string },
  values: readonly unknown[],
): Promise<ChangeOutcome> {
  const { rows } = await transaction.query({ ...statement, values })
  const [row] = rows
  if (row === undefined) return { kind: 'unknown-link' }
  const changed = { link: toLink(row), asOfMs: row.as_of_ms as number, timeline: row.timeline as number }
  return { kind: 'changed', changed }
}
