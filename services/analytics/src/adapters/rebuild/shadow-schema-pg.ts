/**
 * A second set of the tables of counts, and the moment in which it becomes the first.
 *
 * Every statement of analytics names its schema, `clicks.`, so that none depends on a search path; to fill the shadow,
 * the very same statements and migrations are sent with the other name in that place. The swap renames schemas: tables,
 * indexes and views keep the names that later migrations know, and prepared statements of running services are planned
 * anew by Postgres, since a change of a schema's name invalidates them.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pool, Query, Queryable, Row, Transaction } from '@linkfleet/runtime/postgres'

const live = 'clicks'
const shadow = 'clicks_rebuild'
const replaced = 'clicks_before_rebuild'

const migrationsFolder = fileURLToPath(new URL('../../../migrations', import.meta.url))

/** What clicks add up to. All other tables of the schema are the same before and after a rebuild. */
export const rebuiltTables = [
  'partitions',
  'marks',
  'dead_letters',
  'totals',
  'series',
  'trait_days',
  'trait_packs',
  'fleet_series',
  'orphan_days',
  'visitor_days',
  'recent_clicks',
  'link_orphans',
  'top_days',
] as const

/** The same pool, for which the tables of `clicks.` are those of the shadow. It must serve nothing else. */
export function shadowOf(pool: Pool): Pool {
  return {
    ...pool,
    query: async <R extends Row = Row>(query: Query | string) => await pool.query<R>(renamed(query)),
    transaction: async (work, begin) =>
      await pool.transaction(async (transaction) => {
        const inShadow: Transaction = {
          notices: transaction.notices,
          query: async <R extends Row = Row>(query: Query | string) =>
            await transaction.query<R>(renamed(query)),
        }
        return await work(inShadow)
      }, begin),
  }
}

function renamed(query: Query | string): Query | string {
  if (typeof query === 'string') return inShadow(query)
  return { ...query, text: inShadow(query.text) }
}

function inShadow(sql: string): string {
  return sql.replace(/\bclicks(?=\.[a-z_])/g, shadow).replace(/\bSCHEMA clicks\b/g, `SCHEMA ${shadow}`)
}

/** An empty shadow; what a broken rebuild left is dropped. */
export async function createShadow(pool: Pool): Promise<void> {
  const files = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()
  await dropLeftOvers(pool)
  await pool.transaction(async (transaction) => {
    await transaction.query(`CREATE SCHEMA ${shadow}`)
    for (const file of files)
      await transaction.query(inShadow(await readFile(join(migrationsFolder, file), 'utf8')))
  })
}

export async function dropLeftOvers(pool: Pool): Promise<void> {
  for (const schema of [shadow, replaced]) await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
}

/**
 * Makes the shadow the live set, if `isReady`, which is asked while nobody can apply a batch. Whoever applies locks rows
 * of clicks.partitions first, so its lock keeps them all out, and they go on in the new set after it.
 */
export async function swapShadow(
  pool: Pool,
  lockTimeoutMs: number,
  isReady: (fenced: Queryable) => Promise<boolean>,
): Promise<boolean> {
  return await pool.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
    await transaction.query(`LOCK TABLE ${live}.partitions IN ACCESS EXCLUSIVE MODE`)
    if (!(await isReady(transaction))) return false
    for (const table of await keptTables(transaction)) {
      await transaction.query(`DROP TABLE IF EXISTS ${shadow}.${table}`)
      await transaction.query(`ALTER TABLE ${live}.${table} SET SCHEMA ${shadow}`)
    }
    await transaction.query(`ALTER SCHEMA ${live} RENAME TO ${replaced}`)
    await transaction.query(`ALTER SCHEMA ${shadow} RENAME TO ${live}`)
    return true
  })
}

async function keptTables(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>({
    text: `SELECT quote_ident(relname) AS name FROM pg_class
      WHERE relnamespace = '${live}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> ALL($1::text[]) ORDER BY relname`,
    values: [rebuiltTables],
  })
  return rows.map(({ name }) => name)
}
