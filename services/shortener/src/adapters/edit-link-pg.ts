/** The statement of an edit: what is given is set, what is absent stays. Its text depends on which fields are given. */
import type { Row } from '@linkfleet/runtime/postgres'
import { refuseEmptySpan } from '../domain/judge-options.ts'
import type { StoredChanges } from '../domain/link.ts'

const moment = (ms: number | null) => (ms === null ? null : new Date(ms))

/** `$1` and `$2` are the link's key. */
export function toSet(changes: StoredChanges): { readonly set: string; readonly values: unknown[] } {
  const { targetUrl, title, tags, redirectStatus, forwardQuery, startsAtMs, expiresAtMs } = changes
  const { maxClicks, passwordVerifier } = changes
  const columns: readonly (readonly [string, unknown])[] = [
    ['target_url', targetUrl],
    ['title', title],
    ['tags', tags],
    ['redirect_status', redirectStatus],
    ['forward_query', forwardQuery],
    ['starts_at', startsAtMs === undefined ? undefined : moment(startsAtMs)],
    ['expires_at', expiresAtMs === undefined ? undefined : moment(expiresAtMs)],
    ['max_clicks', maxClicks],
    ['password_protected', passwordVerifier === undefined ? undefined : passwordVerifier !== null],
    ['password_verifier', passwordVerifier],
  ]
  const given = columns.filter(([, value]) => value !== undefined)
  return {
    set: given.map(([column], index) => `${column} = $${index + 3}`).join(', '),
    values: given.map(([, value]) => value),
  }
}

/** Throws 'invalid-request' when the link, locked and read as `row`, would expire before it starts. */
export function refuseEmptySpanOf(row: Row, { startsAtMs, expiresAtMs }: StoredChanges): void {
  const stored = (value: unknown) => (value === null ? null : (value as Date).getTime())
  if (startsAtMs === undefined && expiresAtMs === undefined) return
  const span = {
    startsAtMs: startsAtMs === undefined ? stored(row.starts_at) : startsAtMs,
    expiresAtMs: expiresAtMs === undefined ? stored(row.expires_at) : expiresAtMs,
  }
  refuseEmptySpan(span, startsAtMs === undefined ? 'expiresAt' : 'startsAt')
}
