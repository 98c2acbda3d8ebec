/** How a link lies in Postgres: its columns, listed once, and the way back to a Link. */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { Row } from '@linkfleet/runtime/postgres'
import { type Link, type LinkStateNumber, toCopy } from '../domain/link.ts'

const columns = [
  'domain_id',
  'code',
  'version',
  'created_version',
  'state',
  'target_url',
  'title',
  'tags',
  'redirect_status',
  'forward_query',
  'starts_at',
  'expires_at',
  'max_clicks',
  'password_protected',
  'password_verifier',
  'created_by',
  'created_at',
  'updated_at',
] as const

/** The columns of links.links under an alias, for a SELECT or RETURNING. */
export function linkColumns(alias: string): string {
  return columns.map((column) => `${alias}.${column}`).join(', ')
}

/** What a copy is made of: relay and resolution read many links, and what they have no use for costs as much again. */
const copiedColumns = [
  'domain_id',
  'code',
  'version',
  'state',
  'target_url',
  'redirect_status',
  'forward_query',
  'starts_at',
  'expires_at',
  'max_clicks',
  'password_protected',
  'password_verifier',
] as const

export function copyColumns(alias: string): string {
  return copiedColumns.map((column) => `${alias}.${column}`).join(', ')
}

export function rowToCopy(row: Row, timeline: number): LinkCopy {
  return toCopy(
    {
      domainId: row.domain_id as number,
      code: row.code as string,
      version: row.version as number,
      state: row.state as LinkStateNumber,
      targetUrl: row.target_url as string,
      redirectStatus: row.redirect_status as number,
      forwardQuery: row.forward_query as boolean,
      startsAtMs: millis(row.starts_at),
      expiresAtMs: millis(row.expires_at),
      maxClicks: row.max_clicks as number | null,
      passwordProtected: row.password_protected as boolean,
      passwordVerifier: row.password_verifier as string | null,
    },
    timeline,
  )
}

const freshnessAt = (moment: string) =>
  `floor(extract(epoch FROM ${moment}) * 1000)::bigint AS as_of_ms, links.timeline() AS timeline`

/** What a change knows about its own moment, on the primary. It holds the row: no later change of it is acknowledged. */
export const freshnessColumns = freshnessAt('statement_timestamp()')

/**
 * The same for a read that is a transaction by itself: everything acknowledged before it is in the answer. now() is
 * taken before the snapshot; statement_timestamp() moves on with Execute, when a prepared statement's snapshot, taken
 * with Bind, is already old: https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
 */
export const readFreshnessColumns = freshnessAt('now()')

/** Tags travel as one text, since unnest would flatten an array of arrays; judged tags hold no control characters. */
export const tagSeparator = '\u001f'

export const toMoment = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))

const millis = (value: unknown): number | null => (value === null ? null : (value as Date).getTime())

export function toLink(row: Row): Link {
  return {
    domainId: row.domain_id as number,
    code: row.code as string,
    version: row.version as number,
    createdVersion: row.created_version as number,
    state: row.state as LinkStateNumber,
    targetUrl: row.target_url as string,
    title: row.title as string | null,
    tags: row.tags as string[],
    redirectStatus: row.redirect_status as number,
    forwardQuery: row.forward_query as boolean,
    startsAtMs: millis(row.starts_at),
    expiresAtMs: millis(row.expires_at),
    maxClicks: row.max_clicks as number | null,
    passwordProtected: row.password_protected as boolean,
    passwordVerifier: row.password_verifier as string | null,
    createdBy: row.created_by as string,
    createdAtMs: (row.created_at as Date).getTime(),
    updatedAtMs: (row.updated_at as Date).getTime(),
  }
}
