/** The only writer of links: creates in groups and bulks, edits and deletes one by one, each with its outbox row. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { Pool, Row, Transaction } from '@linkfleet/runtime/postgres'
import { GroupCommit, type Submission } from '../domain/group-commit.ts'
import { type LinkKey, linkStates, type StoredChanges } from '../domain/link.ts'
import type { ChangeOutcome, InsertOutcome, LinkToInsert, LinkWriter } from '../ports.ts'
import { refuseEmptySpanOf, toSet } from './edit-link-pg.ts'
import { findBulk, findReplay } from './idempotency-records-pg.ts'
import { createBulkInsert } from './insert-bulk-pg.ts'
import { beginChange, claimsOf, insertLinkGroup } from './insert-group-pg.ts'
import { freshnessColumns, linkColumns, toLink } from './link-row-pg.ts'
import {
  bounded,
  boundedChange,
  boundedRead,
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
/** A group does not wait long for what one of its items is waiting for; both together leave time for the answers. */
const groupLimits = { lockWaitMs: 100, carefulMs: 600 }
/** How long a change by itself waits for somebody else's lock: less than the time in which an answer is due. */
const lockWaitMs = 600
/** Items that wait for what another transaction holds; past it they are refused at once. */
const patientItemsMax = 1_000
const patientGroupsInFlightMax = 3
/** What is left of a patient item's time for its statement and the answer, once it has its locks. */
const patientReserveMs = 300
const patientCarefulMs = 100

export interface LinkWriterEvents {
  groupCommitted(items: number, seconds: number): void
}

export function openLinkWriterPg(pool: Pool, events: LinkWriterEvents): LinkWriter {
  const groups = new GroupCommit<LinkToInsert, InsertOutcome>({
    run: async (items) => {
      const startedMs = performance.now()
      // A transaction that hangs must not keep its codes and keys from a retry: the database has the last word on them.
      const outcomes = await bounded(insertLinkGroup(pool, items, groupLimits), outcomeUnknown)
      events.groupCommitted(items.length, (performance.now() - startedMs) / 1000)
      return outcomes
    },
    keysOf: claimsOf,
    groupItemsMax,
    groupsInFlightMax,
  })
  const patient = createPatientInsert(pool)

  async function insertInGroup(item: LinkToInsert, byMs: number): Promise<InsertOutcome> {
    if (groups.waiting >= itemsWaitingMax) throw refusalOf(item)()
    return await settled(groups.submit(item), item, byMs)
  }

  return {
    async insert(item, byMs) {
      const first = patient.isContested(item) ? undefined : await insertInGroup(item, byMs)
      const outcome = first === undefined || first.kind === 'busy' ? await patient.insert(item, byMs) : first
      if (outcome.kind === 'busy') throw refusalOf(item)()
      if (outcome.kind === 'failed') throw failureOf(outcome.error, item)
      return outcome
    },
    insertBulk: createBulkInsert(pool, () => groups.isBusy),
    findReplay: (idempotency, byMs) => boundedRead(() => findReplay(pool, idempotency), byMs),
    findBulk: (idempotency, byMs) =>
      // An attempt that cannot look may be the retry of one that has made its links.
      bounded(
        findBulk(pool, idempotency).catch((error) => Promise.reject(toChangeError(error, true))),
        outcomeUnknown,
        byMs - performance.now(),
      ),
    edit: (key, changes, ifVersions, byMs) =>
      boundedChange(
        () =>
          changeLink(pool, key, ifVersions, (transaction, locked) =>
            applyEdit(transaction, key, changes, locked),
          ),
        byMs,
        'the link',
      ),
    delete: (key, ifVersions, byMs) =>
      boundedChange(
        () => changeLink(pool, key, ifVersions, (transaction) => applyDelete(transaction, key)),
        byMs,
        'the link',
      ),
  }
}

/** Of an item that did not reach the database. An earlier attempt with its key may have, here or elsewhere. */
const refusalOf = ({ idempotency }: LinkToInsert) => (idempotency === null ? notCreated : outcomeUnknown)

/** Of an item that the database failed by itself: what passes is told like what befalls all of a group. */
const failureOf = (error: unknown, item: LinkToInsert) =>
  error instanceof LinkfleetError ? refusalOf(item)(error) : error

/** The outcome of a submitted item by its time, or the error that says what is known of it then. */
async function settled(
  submission: Submission<InsertOutcome>,
  item: LinkToInsert,
  byMs: number,
): Promise<InsertOutcome> {
  const result = submission.result.catch((error) =>
    Promise.reject(toChangeError(error, item.idempotency !== null)),
  )
  const late = () => (submission.abandon() ? refusalOf(item)() : outcomeUnknown())
  return await bounded(result, late, byMs - performance.now())
}

/**
 * Items that have to wait for what another transaction holds do so in groups of their own, for as long as they have
 * time, where they hold up nobody else. Whoever claims the same meanwhile joins them.
 */
function createPatientInsert(pool: Pool) {
  const contested = new Map<string, number>()
  const groups = new GroupCommit<{ readonly item: LinkToInsert; readonly byMs: number }, InsertOutcome>({
    run: async (entries) => {
      const leftMs = Math.min(...entries.map(({ byMs }) => byMs)) - performance.now()
      const limits = { lockWaitMs: Math.max(1, leftMs - patientReserveMs), carefulMs: patientCarefulMs }
      const items = entries.map(({ item }) => item)
      return await bounded(insertLinkGroup(pool, items, limits), outcomeUnknown)
    },
    keysOf: ({ item }) => claimsOf(item),
    groupItemsMax,
    groupsInFlightMax: patientGroupsInFlightMax,
  })

  function count(claims: readonly string[], by: 1 | -1): void {
    for (const claim of claims) {
      const left = (contested.get(claim) ?? 0) + by
      if (left === 0) contested.delete(claim)
      else contested.set(claim, left)
    }
  }

  return {
    isContested: (item: LinkToInsert) =>
      contested.size > 0 && claimsOf(item).some((claim) => contested.has(claim)),

    async insert(item: LinkToInsert, byMs: number): Promise<InsertOutcome> {
      if (groups.waiting >= patientItemsMax) throw refusalOf(item)()
      const claims = claimsOf(item)
      count(claims, 1)
      try {
        return await settled(groups.submit({ item, byMs }), item, byMs)
      } finally {
        count(claims, -1)
      }
    },
  }
}

/**
 * Locks the link, compares its version, applies. The lock comes first: the new version is drawn while it is held,
 * so the versions of one link grow in the order of its changes.
 */
async function changeLink(
  pool: Pool,
  key: LinkKey,
  ifVersions: readonly number[] | null,
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
    if (ifVersions !== null && !ifVersions.includes(row.version))
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
