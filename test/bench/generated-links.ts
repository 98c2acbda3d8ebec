/** Rows of links made by Postgres itself: a create through the API would take an hour for ten million. */
import type pg from 'pg'
import { landingUrl } from './bare-server.ts'

const chunkRows = 500_000

/**
 * The codes are of the letters of real ones and scattered over the index like them: each create falls between two of
 * them. A multiplication by a number that has no divisor in common with 62^8 is a bijection of the numbers below it, so none
 * comes twice; and they are a character longer than the generated ones, so none is in the way.
 */
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const digits = Array.from({ length: 8 }, (_none, index) => 62n ** BigInt(7 - index))
const codeOfNumber = digits
  .map((weight) => `substr('${base62}', (scattered / ${weight} % 62)::int + 1, 1)`)
  .join(' || ')

const insertText = `INSERT INTO links.links (domain_id, code, version, created_version, state, target_url, created_by,
    created_at, updated_at)
  SELECT 1, code, version, version, 1, '${landingUrl}/' || code || $3, 'bench', now(), now()
  FROM (SELECT code, nextval('links.version_seq') AS version
    FROM (SELECT ${codeOfNumber} AS code
      FROM (SELECT number * 87178291199 % ${62n ** 8n} AS scattered
        FROM generate_series($1::bigint, $2::bigint) AS number) AS numbers ORDER BY code) AS sorted) AS made`

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
