/**
 * Which URLs may be shortened. The text is parsed by the WHATWG URL parser first, as browsers do it, and what came
 * out is judged: `2130706433`, `0x7f.1` and `①②⑦.⓪.⓪.①` all come out as 127.0.0.1, so one rule covers every spelling.
 * Names are not resolved: where a name leads is the follower's business, and may change at any time.
 */
import ipaddr from 'ipaddr.js'

export const urlLengthMax = 2_048

export interface UrlRules {
  /** Host names of the fleet itself, in lower case without a trailing dot; none of them means this machine. */
  readonly ownHosts: ReadonlySet<string>
  /** Where the fleet is on this machine, which has many names and other programs: the port tells them apart. */
  readonly ownLoopbackPorts: ReadonlySet<number>
  readonly allowPrivateTargets: boolean
}

/** The rules of a fleet that is at these URLs. */
export function urlRulesOf(ownUrls: readonly string[], allowPrivateTargets: boolean): UrlRules {
  const places = ownUrls.map((text) => {
    const url = new URL(text)
    return { host: normalHost(url.hostname), port: portOf(url) }
  })
  return {
    ownHosts: new Set(places.map(({ host }) => host).filter((host) => !isLoopback(host))),
    ownLoopbackPorts: new Set(places.filter(({ host }) => isLoopback(host)).map(({ port }) => port)),
    allowPrivateTargets,
  }
}

export type UrlJudgement =
  | { readonly kind: 'accepted'; readonly url: string }
  | { readonly kind: 'refused'; readonly reason: string }

const refused = (reason: string): UrlJudgement => ({ kind: 'refused', reason })

/** Judges a target URL. An accepted one comes back in its normal form. */
export function judgeUrl(text: string, rules: UrlRules): UrlJudgement {
  if (text.length > urlLengthMax) return refused(`The URL is longer than ${urlLengthMax} characters.`)
  const url = URL.parse(text)
  if (url === null) return refused('This is not an absolute URL such as https://example.com/page.')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return refused('Only http and https URLs can be shortened.')
  }
  if (url.username !== '' || url.password !== '') {
    return refused('A URL must not carry a user name or password.')
  }
  if (url.href.length > urlLengthMax) {
    return refused(`The URL is longer than ${urlLengthMax} characters once it is encoded.`)
  }
  const host = normalHost(url.hostname)
  if (host === '') return refused('The URL has no host.')
  if (rules.ownHosts.has(host) || (isLoopback(host) && rules.ownLoopbackPorts.has(portOf(url))))
    return refused('A short link must not lead back to this service.')
  if (!rules.allowPrivateTargets && isPrivateHost(host)) {
    return refused(
      'The host is private, reserved or this machine itself. ALLOW_PRIVATE_TARGETS=true on the server allows such targets.',
    )
  }
  return { kind: 'accepted', url: url.href }
}

/** Without trailing dots, which some resolvers ignore: what is left may be a number, `127.1..`, and is parsed anew. */
function normalHost(hostname: string): string {
  const host = hostname.replace(/\.+$/, '')
  return host === hostname ? host : (URL.parse(`http://${host}`)?.hostname ?? '')
}

const portOf = ({ port, protocol }: URL) => (port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port))

const loopbackNames = /(^|\.)localhost$|^localhost[46]?(\.localdomain[46]?)?$/

/** Whether a connection to this host stays on the machine. The unspecified addresses lead there too. */
function isLoopback(host: string): boolean {
  if (loopbackNames.test(host)) return true
  if (!host.startsWith('[') && !isIpv4(host)) return false
  return ['loopback', 'unspecified'].includes(ipaddr.process(host.replace(/^\[|\]$/g, '')).range())
}

// The URL parser leaves an IPv4 address in no other form than this one.
const isIpv4 = (host: string) => /^\d+\.\d+\.\d+\.\d+$/.test(host)

const privateNames = /(^|\.)(localhost|localdomain[46]?|local|internal|intranet|lan|home\.arpa)$/
/** Global unicast: https://www.iana.org/assignments/ipv6-address-space/ */
const globalUnicastV6 = ipaddr.IPv6.parseCIDR('2000::/3')

function isPrivateHost(host: string): boolean {
  if (host.startsWith('[')) {
    const address = ipaddr.IPv6.parse(host.slice(1, -1))
    return address.range() !== 'unicast' || !address.match(globalUnicastV6)
  }
  if (isIpv4(host)) return ipaddr.IPv4.parse(host).range() !== 'unicast'
  // A name without a dot is known inside some network only.
  return !host.includes('.') || privateNames.test(host)
}
