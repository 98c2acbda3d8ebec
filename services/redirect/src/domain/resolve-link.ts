/** What becomes of a request for a link that is known: a pure decision on the link and the clock. */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'

export type RedirectStatus = 301 | 302 | 307 | 308

export type Resolution =
  | { readonly kind: 'redirect'; readonly targetUrl: string; readonly status: RedirectStatus }
  /** It leads on, but something comes first: its password, a click of its budget, the query it forwards. */
  | { readonly kind: 'conditional'; readonly targetUrl: string; readonly status: RedirectStatus }
  /** It was there and is no longer: 410. */
  | { readonly kind: 'gone'; readonly reason: OrphanReason }
  /** It does not lead anywhere yet: 404. */
  | { readonly kind: 'not-started'; readonly reason: OrphanReason }

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 307, 308])

/** `nowMs` is redirect's own clock: start and expiry need no word of anybody else. */
export function resolveLink(link: LinkCopy, nowMs: number): Resolution {
  if (link.state === LinkState.DELETED) return { kind: 'gone', reason: OrphanReason.DELETED }
  if (link.state !== LinkState.LIVE) return { kind: 'gone', reason: OrphanReason.BLOCKED }
  if (link.expiresAtMs !== 0 && nowMs >= link.expiresAtMs)
    return { kind: 'gone', reason: OrphanReason.EXPIRED }
  if (link.startsAtMs !== 0 && nowMs < link.startsAtMs)
    return { kind: 'not-started', reason: OrphanReason.NOT_STARTED }
  const isPlain = link.maxClicks === 0 && !link.passwordProtected && !link.forwardQuery
  return {
    kind: isPlain ? 'redirect' : 'conditional',
    targetUrl: link.targetUrl,
    status: statusOf(link),
  }
}

export function statusOf({ redirectStatus }: LinkCopy): RedirectStatus {
  return redirectStatuses.has(redirectStatus) ? (redirectStatus as RedirectStatus) : 302
}
