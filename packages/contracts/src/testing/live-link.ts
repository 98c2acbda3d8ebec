import { type LinkCopy, LinkState } from '../generated/linkfleet/links/v1/link.ts'

/** A link that leads somewhere and asks for nothing, but for what `more` says. */
export function liveLink(code: string, version: number, more: Partial<LinkCopy> = {}): LinkCopy {
  return {
    domainId: 1,
    code,
    version,
    timeline: 1,
    state: LinkState.LIVE,
    targetUrl: `https://example.com/${code}?v=${version}`,
    redirectStatus: 0,
    forwardQuery: false,
    startsAtMs: 0,
    expiresAtMs: 0,
    maxClicks: 0,
    passwordProtected: false,
    passwordVerifier: '',
    ...more,
  }
}
