/**
 * Whose rights a request carries. The console has none of its own: it passes on the visitor's session and the
 * visitor's address, so that an upstream service never takes the console, a loopback peer, for the visitor.
 */

/**
 * Browsers share the cookies of a host among its ports, so the name carries the port under which people open the
 * console: two fleets on one host do not log each other out. A default port is not named. What a client forges in its
 * Host changes only which of its own cookies is read.
 */
export function sessionCookieNameOf(host: string | undefined): string {
  const port = URL.parse(`http://${host ?? ''}`)?.port ?? ''
  return port === '' || port === '443' ? 'linkfleet_session' : `linkfleet_session_${port}`
}

/** RFC 6750's b64token, bounded: whatever else stands in a cookie never reaches a header. */
const sessionPattern = /^[A-Za-z0-9._~+/-]{16,512}=*$/

export function sessionOf(cookie: string | undefined): string | null {
  return cookie !== undefined && sessionPattern.test(cookie) ? cookie : null
}

const forwardedForCharsMax = 512
const forwardedForPattern = /^[0-9A-Za-z.:, [\]_-]*$/

/** The chain of addresses so far, with the peer that the console itself saw as its last. */
export function forwardedForOf(received: string | undefined, peerAddress: string): string {
  const usable =
    received !== undefined &&
    received.trim() !== '' &&
    received.length <= forwardedForCharsMax &&
    forwardedForPattern.test(received)
  return usable ? `${received.trim()}, ${peerAddress}` : peerAddress
}

export function headersForVisitor(
  session: string | null,
  forwardedFor: string,
): Readonly<Record<string, string>> {
  return {
    accept: 'application/json',
    'x-forwarded-for': forwardedFor,
    ...(session === null ? {} : { authorization: `Bearer ${session}` }),
  }
}

export interface OriginFacts {
  readonly method: string
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  readonly host: string | undefined
  /** Where people open the console when a proxy stands before it; '' when none does. */
  readonly consoleUrl: string
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * True when a change was asked for by one of the console's own pages. Browsers say so in Sec-Fetch-Site, which no page
 * can set; where they do not (plain http beyond localhost) they name the page's origin. A change that names another
 * origin, or none at all, is refused, since the cookie alone does not prove who asks.
 */
export function isFromOwnPage(facts: OriginFacts): boolean {
  if (safeMethods.has(facts.method)) return true
  if (facts.secFetchSite !== undefined) return facts.secFetchSite === 'same-origin'
  const origin = facts.origin === undefined ? null : URL.parse(facts.origin)
  if (origin === null) return false
  if (facts.consoleUrl !== '' && origin.origin === URL.parse(facts.consoleUrl)?.origin) return true
  // Parsed alike, so that a port written out although it is the default one makes no difference.
  return facts.host !== undefined && origin.host === URL.parse(`${origin.protocol}//${facts.host}`)?.host
}
