/** What becomes of a request for a link that is known: a pure decision on the link and the clock. */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'

export type Resolution =
  | { readonly kind: 'redirect'; readonly targetUrl: string; readonly status: 301 | 302 | 307 | 308 }
  /** It was there and is no longer: 410. */
  | { readonly kind: 'gone'; readonly reason: OrphanReason }
  /** It is not there yet, and says so to nobody: 404. */
  | { readonly kind: 'hidden'; readonly reason: OrphanReason }

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 307, 308])

/** `nowMs` is redirect's own clock: start and expiry need no word of anybody else. */
export function resolveLink(link: LinkCopy, nowMs: number): Resolution {
  if (link.state === LinkState.DELETED) return { kind: 'gone', reason: OrphanReason.DELETED }
  if (link.state !== LinkState.LIVE) return { kind: 'gone', reason: OrphanReason.BLOCKED }
  if (link.expiresAtMs !== 0 && nowMs >= link.expiresAtMs)
    return { kind: 'gone', reason: OrphanReason.EXPIRED }
  if (link.startsAtMs !== 0 && nowMs < link.startsAtMs)
    return { kind: 'hidden', reason: OrphanReason.NOT_STARTED }
  const status = redirectStatuses.has(link.redirectStatus) ? link.redirectStatus : 302
  return { kind: 'redirect', targetUrl: link.targetUrl, status: status as 301 | 302 | 307 | 308 }
}
