/** Rows of links made by Postgres itself: a create through the API would take an hour for ten million. */
import type pg from 'pg'
import { landingUrl } from './bare-server.ts'

const chunkRows = 500_000

/**
 * The codes are scattered over the index as real ones are: a multiplication by an odd number is a bijection of the
 * numbers below 2^40, so none comes twice; and they are longer than the generated ones, so none is in the way.
 */
const insertText = `INSERT INTO links.links (domain_id, code, version, created_version, state, target_url, created_by,
    created_at, updated_at)
  SELECT 1, code, version, version, 1, '${landingUrl}/' || code || $3, 'bench', now(), now()
  FROM (SELECT code, nextval('links.version_seq') AS version
    FROM (SELECT lpad(to_hex((number * 2654435761) % 1099511627776), 10, '0') AS code
      FROM generate_series($1::bigint, $2::bigint) AS number ORDER BY code) AS sorted) AS made`

/** From so many rows on it is faster to build every other index anew than to keep them all up to date meanwhile. */
const rebuiltFromRows = 1_000_000

export interface GenerateOptions {
  readonly client: pg.Client
  /** So many are there already. */
  readonly from: number
  readonly count: number
  /** What comes after the path in each target. */
  readonly query?: string
  readonly say: (words: string) => void
  readonly signal: AbortSignal
}

export async function generateLinks(options: GenerateOptions): Promise<void> {
  const { client, from, count, query = '', say, signal } = options
  const rebuildIndexes = count - from < rebuiltFromRows ? async () => {} : await dropIndexes(client)
  for (let first = from + 1; first <= count; first += chunkRows) {
    signal.throwIfAborted()
    const last = Math.min(count, first + chunkRows - 1)
    await client.query(insertText, [first, last, query])
    if (count > chunkRows) say(`${last} of ${count} generated links`)
  }
  await rebuildIndexes()
  // What Postgres would do of itself some time later is done before anything is measured.
  await client.query('VACUUM (ANALYZE) links.links')
  await client.query('CHECKPOINT')
}

/** Drops all but the primary key; gives back what builds them again. */
async function dropIndexes(client: pg.Client): Promise<() => Promise<void>> {
  const { rows } = await client.query<{ indexname: string; indexdef: string }>(
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'links' AND tablename = 'links' AND indexname <> 'links_pkey'",
  )
  for (const { indexname } of rows) await client.query(`DROP INDEX links.${indexname}`)
  return async () => {
    await client.query("SET maintenance_work_mem = '256MB'")
    for (const { indexdef } of rows) await client.query(indexdef)
  }
}

export async function readCodes(client: pg.Client, count: number): Promise<string[]> {
  const { rows } = await client.query<{ code: string }>(
    'SELECT code FROM links.links ORDER BY version LIMIT $1',
    [count],
  )
  return rows.map(({ code }) => code)
}
