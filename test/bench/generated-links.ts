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
  SELECT 1, code, version, version, 1, '${landingUrl}/' || code, 'bench', now(), now()
  FROM (SELECT lpad(to_hex((number * 2654435761) % 1099511627776), 10, '0') AS code,
      nextval('links.version_seq') AS version
    FROM generate_series($1::bigint, $2::bigint) AS number) AS made`

export interface GenerateOptions {
  readonly client: pg.Client
  /** So many are there already. */
  readonly from: number
  readonly count: number
  readonly say: (words: string) => void
  readonly signal: AbortSignal
}

export async function generateLinks(options: GenerateOptions): Promise<void> {
  const { client, from, count, say, signal } = options
  for (let first = from + 1; first <= count; first += chunkRows) {
    signal.throwIfAborted()
    const last = Math.min(count, first + chunkRows - 1)
    await client.query(insertText, [first, last])
    if (count > chunkRows) say(`${last} of ${count} generated links`)
  }
  // What Postgres would do of itself some time later is done before anything is measured.
  await client.query('VACUUM (ANALYZE) links.links')
  await client.query('CHECKPOINT')
}

export async function readCodes(client: pg.Client, count: number): Promise<string[]> {
  const { rows } = await client.query<{ code: string }>(
    'SELECT code FROM links.links ORDER BY version LIMIT $1',
    [count],
  )
  return rows.map(({ code }) => code)
}
