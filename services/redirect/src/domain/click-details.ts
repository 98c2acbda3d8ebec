/** What a request tells of a click, without anything that names a person. */
import type { IncomingHttpHeaders } from 'node:http'

/** A page that is fetched ahead, or looked at by a previewer, was not clicked. */
export function isPrefetch(headers: IncomingHttpHeaders): boolean {
  const purpose = headers['sec-purpose'] ?? headers.purpose ?? headers['x-moz']
  return typeof purpose === 'string' && purpose.startsWith('prefetch')
}

const referrerPattern = /^https?:\/\/(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:@\s]+)/i

/** The host of the Referer header in lower case; empty when there is none. Its path and query are never kept. */
export function referrerHostOf(headers: IncomingHttpHeaders): string {
  const { referer } = headers
  if (referer === undefined) return ''
  return referrerPattern.exec(referer)?.[1]?.toLowerCase() ?? ''
}

const languagePattern = /^\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:[,;]|$)/i

/** The first language tag of Accept-Language; empty when there is none. */
export function languageOf(headers: IncomingHttpHeaders): string {
  const accepted = headers['accept-language']
  return accepted === undefined ? '' : (languagePattern.exec(accepted)?.[1] ?? '')
}

/** Do Not Track, or its successor Global Privacy Control (https://w3c.github.io/gpc/). */
export function asksForPrivacy(headers: IncomingHttpHeaders): boolean {
  return headers['sec-gpc'] === '1' || headers.dnt === '1'
}

/** Whether a person's browser asks, who gets a page, or a program, which gets problem+json. */
export function wantsPage(headers: IncomingHttpHeaders): boolean {
  return headers.accept?.includes('text/html') ?? false
}
