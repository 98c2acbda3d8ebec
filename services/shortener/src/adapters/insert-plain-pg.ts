/**
 * The statement for links that nobody contests: generated codes, without an Idempotency-Key. It has no ON CONFLICT, which
 * looks for a row before each insert and confirms each afterwards, and no result row for each link: of those a group spends
 * a third of its time in the database. If somebody has one of the codes as an alias, the statement fails with all of it,
 * and `insert-links-pg.ts` says who is in the way.
 */
import type { Pool, Queryable, Row } from '@linkfleet/runtime/postgres'
import type { InsertOutcome, LinkToInsert, Placed } from '../ports.ts'
import { toCreated } from './insert-links-pg.ts'
import { freshnessColumns } from './link-row-pg.ts'
import {
  domainParameter,
  newLinkArrays,
  newLinkColumns,
  newLinkNames,
  newLinkSelection,
  newLinkValues,
  ownParametersFrom,
} from './new-link-rows-pg.ts'

/** Versions are drawn in the order of the items. One text of them is read faster than as many rows. */
const insertPlainLinks = (before: string) => `
WITH item AS MATERIALIZED (
  SELECT i.*, nextval('links.version_seq') AS version,
    date_trunc('milliseconds', statement_timestamp()) AS created_at
  FROM ${before}unnest(${newLinkArrays}) WITH ORDINALITY AS i(${newLinkNames}, place)
), made AS (
  INSERT INTO links.links (${newLinkColumns}) SELECT ${newLinkSelection} FROM item ORDER BY code
), told AS (
  INSERT INTO links.outbox (version, domain_id, code) SELECT version, ${domainParameter}, code FROM item
)
SELECT ${freshnessColumns}, string_agg(version::text, ' ' ORDER BY place) AS versions FROM item`

const inTransaction = { name: 'insert-plain-links', text: insertPlainLinks('') } as const

/** How long it waits for a row is set before the first row is written, and holds for this statement only. */
const lockTimeout = `(SELECT set_config('lock_timeout', $${ownParametersFrom}::text, true)) AS bounded, `
const byItself = { name: 'insert-plain-links-alone', text: insertPlainLinks(lockTimeout) } as const

export const isPlain = ({ item: { code, link, idempotency } }: Placed): boolean =>
  code !== null && link.alias === null && idempotency === null

/** Makes all of them, or throws. All are plain, and no two have the same code. */
export async function insertPlain(
  transaction: Queryable,
  placed: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  if (placed.length === 0) return
  const items = placed.map(({ item }) => item)
  const { rows } = await transaction.query({ ...inTransaction, values: newLinkValues(items) })
  const made = toOutcomes(items, rows[0])
  for (const [index, { position }] of placed.entries()) outcomes[position] = made[index]
}

/**
 * The same as a transaction by itself, in one round trip to the database: for as long as a transaction waits for its next
 * statement, those who share it wait for nothing. Where many processes share few cores that was most of its time.
 */
export async function insertPlainAlone(
  pool: Pool,
  items: readonly LinkToInsert[],
  lockWaitMs: number,
): Promise<InsertOutcome[]> {
  const values = [...newLinkValues(items), String(Math.ceil(lockWaitMs))]
  const { rows } = await pool.commit({ ...byItself, values })
  return toOutcomes(items, rows[0])
}

function toOutcomes(items: readonly LinkToInsert[], told: Row | undefined): InsertOutcome[] {
  const { versions, as_of_ms, timeline } = told as Row
  const drawn = (versions as string).split(' ')
  return items.map((item, index) =>
    toCreated(item, { version: Number(drawn[index]), created_at_ms: as_of_ms, as_of_ms, timeline }),
  )
}
