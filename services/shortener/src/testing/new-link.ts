import type { NewLink } from '../domain/link.ts'

/** A link that asks for nothing but a target, but for what `more` says. */
export function newLink(more: Partial<NewLink> = {}): NewLink {
  return {
    alias: null,
    targetUrl: 'https://example.com/',
    title: null,
    tags: [],
    redirectStatus: 302,
    forwardQuery: false,
    startsAtMs: null,
    expiresAtMs: null,
    maxClicks: null,
    password: null,
    reuse: null,
    createdBy: 'test',
    ...more,
  }
}
