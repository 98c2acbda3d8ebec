/**
 * New links as rows: what both statements that make them (`insert-plain-pg.ts`, `insert-links-pg.ts`) take and write alike.
 * Each column travels as one array, and unnest makes rows of them. It fills up an array that is shorter than the others
 * with NULL, so a column in which all links have what most links have is sent empty: writing and reading the arrays is a
 * good part of what a create costs both sides, and most columns are of that kind.
 */
import { defaultRedirectStatus } from '../domain/judge-options.ts'
import { defaultDomainId } from '../domain/link.ts'
import type { LinkToInsert } from '../ports.ts'
import { tagSeparator, toMoment } from './link-row-pg.ts'

interface Column {
  readonly name: string
  readonly type: string
  readonly of: (item: LinkToInsert) => unknown
  /** What is sent as nothing; the statement reads NULL as it. */
  readonly usual?: unknown
}

const columns: readonly Column[] = [
  { name: 'code', type: 'text', of: ({ code }) => code },
  { name: 'target_url', type: 'text', of: ({ link }) => link.targetUrl },
  { name: 'title', type: 'text', of: ({ link }) => link.title, usual: null },
  { name: 'tags', type: 'text', of: ({ link }) => link.tags.join(tagSeparator), usual: '' },
  {
    name: 'redirect_status',
    type: 'smallint',
    of: ({ link }) => link.redirectStatus,
    usual: defaultRedirectStatus,
  },
  { name: 'forward_query', type: 'boolean', of: ({ link }) => link.forwardQuery, usual: false },
  { name: 'starts_at', type: 'timestamptz', of: ({ link }) => toMoment(link.startsAtMs), usual: null },
  { name: 'expires_at', type: 'timestamptz', of: ({ link }) => toMoment(link.expiresAtMs), usual: null },
  { name: 'max_clicks', type: 'bigint', of: ({ link }) => link.maxClicks, usual: null },
  { name: 'password_verifier', type: 'text', of: ({ passwordVerifier }) => passwordVerifier, usual: null },
  { name: 'created_by', type: 'text', of: ({ link }) => link.createdBy },
]

/** Parameters of unnest, from $1 on, and the names of what it makes. */
export const newLinkArrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')
export const newLinkNames = columns.map(({ name }) => name).join(', ')
const domainPlace = columns.length + 1
const authorPlace = columns.length + 2
/** As in `newLinkValues`. */
export const domainParameter = `$${domainPlace}::int`
/** The first parameter that a statement has for itself. */
export const ownParametersFrom = columns.length + 3

export const newLinkColumns = `domain_id, code, version, created_version, target_url, title, tags, redirect_status,
    forward_query, starts_at, expires_at, max_clicks, password_protected, password_verifier, created_by, created_at,
    updated_at`

/** Those columns of `item`, which has the names above, a version and created_at. */
export const newLinkSelection = `${domainParameter}, code, version, version, target_url, title,
    string_to_array(coalesce(tags, ''), '${tagSeparator}'), coalesce(redirect_status, ${defaultRedirectStatus}),
    coalesce(forward_query, false), starts_at, expires_at, max_clicks, password_verifier IS NOT NULL, password_verifier,
    coalesce(created_by, $${authorPlace}::text), created_at, created_at`

/** The parameters before a statement's own. Of at least one item. */
export function newLinkValues(items: readonly LinkToInsert[]): unknown[] {
  // Whoever made the first is the usual author of this group.
  const author = items[0]?.link.createdBy
  const arrays = columns.map(({ name, of, usual }) => {
    const sentAsNothing = name === 'created_by' ? author : usual
    const values = items.map(of)
    return sentAsNothing !== undefined && values.every((value) => value === sentAsNothing) ? [] : values
  })
  return [...arrays, defaultDomainId, author]
}
