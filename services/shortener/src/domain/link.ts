/** A link as its owner knows it, and its views. Times are milliseconds since the epoch. */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'

/** The domain of every link until a fleet has several. */
export const defaultDomainId = 1

export const linkStates = { live: 1, deleted: 2, blocked: 3 } as const
export type LinkStateNumber = (typeof linkStates)[keyof typeof linkStates]

export interface LinkKey {
  readonly domainId: number
  readonly code: string
}

export interface Link extends LinkKey, FollowOptions {
  readonly version: number
  readonly createdVersion: number
  readonly state: LinkStateNumber
  readonly targetUrl: string
  readonly title: string | null
  readonly tags: readonly string[]
  readonly passwordProtected: boolean
  /** As in `link-password` of the contracts; null without a password, never shown to a client. */
  readonly passwordVerifier: string | null
  readonly createdBy: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** A link together with what its reading proved: it was current at `asOfMs`, told by a server on `timeline`. */
export interface ReadLink {
  readonly link: Link
  readonly asOfMs: number
  readonly timeline: number
}

/** How a link is followed, besides where it leads. */
export interface FollowOptions {
  /** 301, 302, 307 or 308 */
  readonly redirectStatus: number
  readonly forwardQuery: boolean
  readonly startsAtMs: number | null
  readonly expiresAtMs: number | null
  readonly maxClicks: number | null
}

/** What a client may choose about a new link, after it was judged. */
export interface NewLink extends FollowOptions {
  readonly alias: string | null
  readonly targetUrl: string
  readonly title: string | null
  readonly tags: readonly string[]
  readonly password: string | null
  /** Whether a link that does the same may be the answer: anybody's, or one that the same caller made. */
  readonly reuse: 'any' | 'own' | null
  readonly createdBy: string
}

/** What a PATCH changes; what is absent stays. */
export type LinkChanges = Partial<Omit<NewLink, 'alias' | 'reuse' | 'createdBy'>>

/** The same as it is stored: of a password its verifier. */
export type StoredChanges = Omit<LinkChanges, 'password'> & { readonly passwordVerifier?: string | null }

/** What of a link a copy holds. */
export type CopiedLink = Omit<
  Link,
  'createdVersion' | 'title' | 'tags' | 'createdBy' | 'createdAtMs' | 'updatedAtMs'
>

/** What a redirect needs to know. */
export function toCopy(link: CopiedLink, timeline: number): LinkCopy {
  const deleted = link.state === linkStates.deleted
  return {
    domainId: link.domainId,
    code: link.code,
    version: link.version,
    timeline,
    state: link.state,
    targetUrl: deleted ? '' : link.targetUrl,
    redirectStatus: link.redirectStatus,
    forwardQuery: link.forwardQuery,
    startsAtMs: link.startsAtMs ?? 0,
    expiresAtMs: link.expiresAtMs ?? 0,
    maxClicks: link.maxClicks ?? 0,
    passwordProtected: link.passwordProtected,
    passwordVerifier: deleted || !link.passwordProtected ? '' : (link.passwordVerifier ?? ''),
  }
}
