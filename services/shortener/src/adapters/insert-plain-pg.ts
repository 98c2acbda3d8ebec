/**
 * The statement for links that nobody contests: generated codes, without an Idempotency-Key. It has no ON CONFLICT, which
 * looks for a row before each insert and confirms each afterwards, and no result row for each link: of those a group spends
 * a third of its time in the database. If somebody has one of the codes as an alias, the statement fails with all of it,
 * and `insert-links-pg.ts` says who is in the way.
 */
import type { Transaction } from '@linkfleet/runtime/postgres'
import { defaultDomainId } from '../domain/link.ts'
import type { InsertOutcome, Placed } from '../ports.ts'
import { toCreated } from './insert-links-pg.ts'
import { freshnessColumns, tagSeparator, toMoment } from './link-row-pg.ts'

/** Versions are drawn in the order of the items. One text of them is read faster than as many rows. */
const insertPlainLinks = {
  name: 'insert-plain-links',
  text: `
WITH item AS MATERIALIZED (
  SELECT i.*, nextval('links.version_seq') AS version,
    date_trunc('milliseconds', statement_timestamp()) AS created_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::smallint[],
      $8::boolean[], $9::timestamptz[], $10::bigint[], $11::text[]) WITH ORDINALITY
    AS i(code, target_url, title, tags, expires_at, created_by, redirect_status, forward_query, starts_at, max_clicks,
      password_verifier, place)
), made AS (
  INSERT INTO links.links (domain_id, code, version, created_version, target_url, title, tags, redirect_status,
    forward_query, starts_at, expires_at, max_clicks, password_protected, password_verifier, created_by, created_at,
    updated_at)
  SELECT $12::int, code, version, version, target_url, title, string_to_array(tags, '${tagSeparator}'),
    redirect_status, forward_query, starts_at, expires_at, max_clicks, password_verifier IS NOT NULL,
    password_verifier, created_by, created_at, created_at
  FROM item ORDER BY code
), told AS (
  INSERT INTO links.outbox (version, domain_id, code) SELECT version, $12::int, code FROM item
)
SELECT ${freshnessColumns}, string_agg(version::text, ' ' ORDER BY place) AS versions FROM item`,
} as const

export const isPlain = ({ item: { code, link, idempotency } }: Placed): boolean =>
  code !== null && link.alias === null && idempotency === null

/** Makes all of them, or throws. All are plain, and no two have the same code. */
export async function insertPlain(
  transaction: Transaction,
  placed: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  if (placed.length === 0) return
  const { rows } = await transaction.query({ ...insertPlainLinks, values: toValues(placed) })
  const { versions, as_of_ms, timeline } = rows[0] as Record<string, unknown>
  const drawn = (versions as string).split(' ')
  for (const [index, { item, position }] of placed.entries()) {
    const row = { version: Number(drawn[index]), created_at_ms: as_of_ms, as_of_ms, timeline }
    outcomes[position] = toCreated(item, row)
  }
}

function toValues(placed: readonly Placed[]): unknown[] {
  const items = placed.map(({ item }) => item)
  const links = items.map(({ link }) => link)
  return [
    items.map(({ code }) => code),
    links.map(({ targetUrl }) => targetUrl),
    links.map(({ title }) => title),
    links.map(({ tags }) => tags.join(tagSeparator)),
    links.map(({ expiresAtMs }) => toMoment(expiresAtMs)),
    links.map(({ createdBy }) => createdBy),
    links.map(({ redirectStatus }) => redirectStatus),
    links.map(({ forwardQuery }) => forwardQuery),
    links.map(({ startsAtMs }) => toMoment(startsAtMs)),
    links.map(({ maxClicks }) => maxClicks),
    items.map(({ passwordVerifier }) => passwordVerifier),
    defaultDomainId,
  ]
}
