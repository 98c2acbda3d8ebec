/**
 * Finds links that may be reused. Creates that may reuse first lock their URL until their transaction ends, so that of
 * many at once, on however many instances, one makes the link and the others see it: each statement after the lock
 * reads what was committed before it was given.
 */
import type { Transaction } from '@linkfleet/runtime/postgres'
import { defaultDomainId, linkStates } from '../domain/link.ts'
import { isReusable, mayReuse, reuseHashOf, reuseLockOf } from '../domain/reuse-link.ts'
import type { InsertOutcome, Placed } from '../ports.ts'
import { linkColumns, tagSeparator, toLink, toMoment } from './link-row-pg.ts'

/** Apart from other advisory locks of this database. */
const lockClass = 7_884_898

/**
 * Of so many links that do the same for visitors, the newest, one is looked for that has the wanted title and tags, and the
 * owner of a caller who may not read: a bound on what a create may cost its neighbours.
 */
const candidatesMax = 1_000

const wantsReuse = ({ item }: Placed) => mayReuse(item.link)

/** Before any row is locked, and in one order: two groups never wait for each other in a circle. */
export async function lockUrls(transaction: Transaction, items: readonly Placed[]): Promise<void> {
  const urls = items.filter(wantsReuse).map(({ item }) => reuseLockOf(item.link.targetUrl))
  if (urls.length === 0) return
  await transaction.query({
    name: 'lock-urls',
    text: `SELECT pg_advisory_xact_lock(${lockClass}, l) FROM unnest($1::int[]) AS l`,
    values: [[...new Set(urls)].sort((one, other) => one - other)],
  })
}

const usable = `l.domain_id = $5 AND l.state = ${linkStates.live} AND l.max_clicks IS NULL AND NOT l.password_protected`

/** As `isReusable` of the domain decides. */
const sameForVisitors = `l.target_url = w.target_url
  AND l.redirect_status = w.redirect_status AND l.forward_query = w.forward_query
  AND l.starts_at IS NOT DISTINCT FROM w.starts_at AND l.expires_at IS NOT DISTINCT FROM w.expires_at`

/** Both as in the index `links_to_reuse`: the part of it that a link is in, and `reuseHashOf` of the domain. */
const partOfIndex = '(l.created_version >> 21)::integer'
const reuseHash = `substr(sha256(replace(l.target_url || CASE
    WHEN l.redirect_status = 302 AND NOT l.forward_query AND l.starts_at IS NULL AND l.expires_at IS NULL THEN ''
    ELSE ' ' || l.redirect_status::text || ' ' || l.forward_query::text
      || ' ' || coalesce((extract(epoch FROM l.starts_at AT TIME ZONE 'UTC') * 1000)::bigint::text, '')
      || ' ' || coalesce((extract(epoch FROM l.expires_at AT TIME ZONE 'UTC') * 1000)::bigint::text, '')
  END, '\\', '\\\\')::bytea), 1, 4)::integer`

/** Each is looked into by itself, and none after enough was found: the planner would rather read all links than skip in an index. */
const partsNewestFirst = `generate_series((SELECT ${partOfIndex} FROM links.links AS l
    WHERE l.domain_id = $5 AND l.state <> ${linkStates.deleted} ORDER BY l.created_version DESC LIMIT 1), 0, -1)`

/** What no index knows. */
const sameForOwner = `(w.title IS NULL OR l.title = w.title)
  AND (w.tags IS NULL OR (l.tags @> string_to_array(w.tags, '${tagSeparator}')
    AND l.tags <@ string_to_array(w.tags, '${tagSeparator}')))
  AND (w.created_by IS NULL OR l.created_by = w.created_by)`

export const findReusable = {
  name: 'find-reusable-link',
  text: `WITH wanted AS MATERIALIZED (
      SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $6::smallint[], $7::boolean[],
          $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[])
        AS w(position, reuse_hash, target_url, alias, redirect_status, forward_query, starts_at, expires_at,
          title, tags, created_by)
    )
    SELECT w.position, c.* FROM wanted AS w CROSS JOIN LATERAL (
      SELECT ${linkColumns('l')} FROM (
        SELECT ${linkColumns('l')} FROM ${partsNewestFirst} AS part CROSS JOIN LATERAL (
          SELECT ${linkColumns('l')} FROM links.links AS l
          WHERE ${usable} AND w.alias IS NULL AND ${sameForVisitors}
            AND ${partOfIndex} = part AND ${reuseHash} = w.reuse_hash
          ORDER BY l.created_version DESC LIMIT ${candidatesMax}
        ) AS l LIMIT ${candidatesMax}
      ) AS l
      WHERE ${sameForOwner} ORDER BY l.created_version DESC LIMIT 1
    ) AS c
    UNION ALL
    SELECT w.position, ${linkColumns('l')} FROM wanted AS w
    JOIN links.links AS l ON l.code = w.alias COLLATE "C" WHERE ${usable} AND ${sameForVisitors} AND ${sameForOwner}`,
}

/** Settles those items for which there is a link; leaves the others as they are. */
export async function reuseLinks(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const wanted = items.filter((placed) => wantsReuse(placed) && outcomes[placed.position] === undefined)
  if (wanted.length === 0) return
  const { rows } = await transaction.query({ ...findReusable, values: toValues(wanted) })
  const byPosition = new Map(wanted.map(({ position, item }) => [position, item]))
  for (const row of rows) {
    const position = row.position as number
    const item = byPosition.get(position)
    const link = toLink(row)
    if (item !== undefined && isReusable(link, item.link)) outcomes[position] ??= { kind: 'reused', link }
  }
}

export function toValues(wanted: readonly Placed[]): unknown[] {
  return [
    wanted.map(({ position }) => position),
    wanted.map(({ item }) => reuseHashOf(item.link)),
    wanted.map(({ item }) => item.link.targetUrl),
    wanted.map(({ item }) => item.link.alias),
    defaultDomainId,
    wanted.map(({ item }) => item.link.redirectStatus),
    wanted.map(({ item }) => item.link.forwardQuery),
    wanted.map(({ item }) => toMoment(item.link.startsAtMs)),
    wanted.map(({ item }) => toMoment(item.link.expiresAtMs)),
    wanted.map(({ item }) => item.link.title),
    wanted.map(({ item }) => (item.link.tags.length === 0 ? null : item.link.tags.join(tagSeparator))),
    wanted.map(({ item }) => (item.link.reuse === 'any' ? null : item.link.createdBy)),
  ]
}
