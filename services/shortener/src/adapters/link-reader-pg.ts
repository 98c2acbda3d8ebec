/** Reads on the primary. */
import type { Pool } from '@linkfleet/runtime/postgres'
import { type Link, type LinkKey, linkStates } from '../domain/link.ts'
import type { LinkPage, LinkQuery, LinkReader, Resolution } from '../ports.ts'
import { copyColumns, linkColumns, readFreshnessColumns, rowToCopy, toLink } from './link-row-pg.ts'
import { boundedRead } from './store-errors-pg.ts'

/** How many links one page of a search looks at. A rare word takes several pages, some of them empty. */
const searchedLinksMax = 20_000

export function openLinkReaderPg(pool: Pool): LinkReader {
  return {
    find: (key, byMs) => boundedRead(() => find(pool, key), byMs),
    list: (query, byMs) =>
      boundedRead(() => (query.search === null ? listLinks(pool, query) : searchLinks(pool, query)), byMs),
    resolve: (keys) => boundedRead(() => resolve(pool, keys)),
  }
}

async function find(pool: Pool, key: LinkKey): Promise<Link | undefined> {
  const { rows } = await pool.query({
    name: 'find-link',
    text: `SELECT ${linkColumns('l')} FROM links.links AS l
      WHERE l.domain_id = $1 AND l.code = $2 AND l.state <> ${linkStates.deleted}`,
    values: [key.domainId, key.code],
  })
  return rows[0] === undefined ? undefined : toLink(rows[0])
}

async function listLinks(pool: Pool, query: LinkQuery): Promise<LinkPage> {
  const { domainId, beforeCreatedVersion, linksMax, tag } = query
  const { rows } = await pool.query({
    // A statement of its own for each shape: the planner knows which index serves it.
    name: tag === null ? 'list-links' : 'list-tagged-links',
    text: `SELECT ${linkColumns('l')} FROM links.links AS l
      WHERE l.domain_id = $1 AND l.state <> ${linkStates.deleted} AND l.created_version < $2
        ${tag === null ? '' : "AND l.tags <> '{}' AND l.tags @> ARRAY[$4::text]"}
      ORDER BY l.created_version DESC LIMIT $3`,
    values: [
      domainId,
      beforeCreatedVersion ?? Number.MAX_SAFE_INTEGER,
      linksMax + 1,
      ...(tag === null ? [] : [tag]),
    ],
  })
  const links = rows.slice(0, linksMax).map(toLink)
  const isEnd = rows.length <= linksMax
  return { links, nextBeforeCreatedVersion: isEnd ? null : (links.at(-1)?.createdVersion ?? null) }
}

async function searchLinks(pool: Pool, query: LinkQuery): Promise<LinkPage> {
  const { domainId, beforeCreatedVersion, linksMax, tag, search } = query
  const pattern = `%${search?.replace(/[\\%_]/g, '\\$&')}%`
  const { rows } = await pool.query({
    name: 'search-links',
    text: `WITH looked_at AS MATERIALIZED (
        SELECT ${linkColumns('l')} FROM links.links AS l
        WHERE l.domain_id = $1 AND l.state <> ${linkStates.deleted} AND l.created_version < $2
        ORDER BY l.created_version DESC LIMIT ${searchedLinksMax}
      ), found AS (
        SELECT ${linkColumns('w')} FROM looked_at AS w
        WHERE (w.code ILIKE $4 OR w.title ILIKE $4 OR w.target_url ILIKE $4)
          AND ($5::text IS NULL OR w.tags @> ARRAY[$5::text])
        ORDER BY w.created_version DESC LIMIT $3
      ), extent AS (SELECT count(*) AS looked_at, min(created_version) AS last_looked_at FROM looked_at)
      SELECT e.looked_at, e.last_looked_at, ${linkColumns('f')}
      FROM extent AS e LEFT JOIN found AS f ON true ORDER BY f.created_version DESC`,
    values: [domainId, beforeCreatedVersion ?? Number.MAX_SAFE_INTEGER, linksMax + 1, pattern, tag],
  })
  const found = rows.filter((row) => row.code !== null)
  const links = found.slice(0, linksMax).map(toLink)
  if (found.length > linksMax)
    return { links, nextBeforeCreatedVersion: links.at(-1)?.createdVersion ?? null }
  const isEnd = (rows[0]?.looked_at as number) < searchedLinksMax
  return { links, nextBeforeCreatedVersion: isEnd ? null : (rows[0]?.last_looked_at as number) }
}

async function resolve(pool: Pool, keys: readonly LinkKey[]): Promise<Resolution> {
  const { rows } = await pool.query({
    name: 'resolve-links',
    // The moment is in the same statement: whatever was acknowledged before it is in this answer.
    text: `SELECT m.as_of_ms, m.timeline, ${copyColumns('l')}
      FROM (SELECT ${readFreshnessColumns}) AS m
      LEFT JOIN (unnest($1::int[], $2::text[]) AS k(domain_id, code)
        JOIN links.links AS l ON l.domain_id = k.domain_id AND l.code = k.code COLLATE "C") ON true`,
    values: [keys.map((key) => key.domainId), keys.map((key) => key.code)],
  })
  const timeline = rows[0]?.timeline as number
  const links = rows.filter((row) => row.code !== null).map((row) => rowToCopy(row, timeline))
  return { links, asOfMs: rows[0]?.as_of_ms as number, timeline }
}
