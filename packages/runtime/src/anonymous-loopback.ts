/**
 * Who is calling. A caller shows a key or a session; on a fleet of one machine, an explicit setting also lets
 * callers without one in, provided that they are on this very machine and came here straight:
 *
 * - the peer is a loopback address, so it is a program of this machine;
 * - the Host is one of the machine's own names, so it is no page of another site whose name was made to resolve
 *   to 127.0.0.1 (DNS rebinding);
 * - nothing was forwarded, so it is no proxy that speaks for someone else.
 */
import type { IncomingHttpHeaders } from 'node:http'

export interface CallerRequest {
  /** The address of the socket's peer, never one that a header tells. */
  readonly remoteAddress: string | undefined
  readonly headers: IncomingHttpHeaders
}

export type Caller =
  /** It shows this key or session, which is still to be checked. */
  | { readonly kind: 'credential'; readonly credential: string }
  | { readonly kind: 'anonymous-loopback' }
  | { readonly kind: 'nobody' }

export interface CallerOptions {
  readonly anonymousLoopback: boolean
}

/** Credentials win over the anonymous right: whoever shows a wrong key is told so. */
export function identifyCaller(request: CallerRequest, options: CallerOptions): Caller {
  const credential = credentialOf(request.headers)
  if (credential !== undefined) return { kind: 'credential', credential }
  if (options.anonymousLoopback && isDirectLoopback(request)) return { kind: 'anonymous-loopback' }
  return { kind: 'nobody' }
}

/** The key or session of `Authorization: Bearer …` or `X-Api-Key`; undefined when the request has neither. */
export function credentialOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  if (authorization !== undefined) {
    // Another scheme is still a claim to be someone; it is checked, and fails, as the whole text.
    return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? authorization
  }
  const key = headers['x-api-key']
  return Array.isArray(key) ? key[0] : key
}

export function isDirectLoopback(request: CallerRequest): boolean {
  return (
    isLoopbackAddress(request.remoteAddress) &&
    isOwnName(request.headers.host) &&
    !Object.keys(request.headers).some((name) => name === 'forwarded' || name.startsWith('x-forwarded-'))
  )
}

export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const ipv4 = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return ipv4 === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(ipv4)
}

function isOwnName(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host)
}
