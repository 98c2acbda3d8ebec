/**
 * Which client a request comes from. Behind proxies the socket's peer is the nearest proxy, and X-Forwarded-For says
 * who came before: each proxy adds its own peer at the end. So the list is read from its end, and only as long as the
 * one that spoke is trusted; whatever stands before the first address that is not of a trusted proxy was written by
 * the client itself and proves nothing.
 */
import { BlockList, isIP } from 'node:net'

/** The address of the client, IPv4-mapped IPv6 as IPv4; '' when the peer is already gone. Never throws. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string

/** No real chain of proxies is longer; what stands before so many is not read. */
const hopsMax = 20

/**
 * `trustedProxies`: addresses and networks (`10.0.0.0/8`, `fd00::/8`) whose X-Forwarded-For is believed. Throws an
 * Error that names the first one that is neither. Without any the header is never looked at.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return (peer) => plainAddress(peer ?? '')
  const trusted = networksOf(trustedProxies)
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

  return function clientAddress(peer, forwardedFor) {
    let client = plainAddress(peer ?? '')
    if (forwardedFor === undefined) return client
    let end = forwardedFor.length
    for (let hops = 0; hops < hopsMax && end >= 0 && isTrusted(client); hops++) {
      const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1)
      const before = hopAddress(forwardedFor.slice(comma + 1, end))
      if (before === undefined) return client
      client = before
      end = comma
    }
    return client
  }
}

/** Addresses and networks as one set. Throws an Error that names what is neither. */
export function networksOf(texts: readonly string[]): BlockList {
  const networks = new BlockList()
  for (const text of texts) {
    const [address = '', prefix, ...rest] = text.split('/')
    const family = isIP(address)
    const bits =
      prefix === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
    if (family === 0 || rest.length > 0 || bits < 0 || bits > (family === 4 ? 32 : 128)) {
      throw new Error(`"${text}" is neither an address nor a network such as 10.0.0.0/8`)
    }
    networks.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  return networks
}

/**
 * What limits count as one client: an IPv4 address, or the /64 network of an IPv6 address, since a host may take any
 * address of its /64.
 */
export function clientNetworkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: zeros }, () => 0), ...after].slice(0, 4)
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`
}

/** An IPv4 part at the end stands for two groups; no /64 reaches so far, so its value does not matter. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => (group.includes('.') ? [0, 0] : [Number.parseInt(group, 16)]))
}

const mappedPattern = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

function plainAddress(address: string): string {
  return address.startsWith('::') ? (mappedPattern.exec(address)?.[1] ?? address) : address
}

/** One element of the header: some proxies add a port, and brackets around IPv6. undefined when it is no address. */
function hopAddress(hop: string): string | undefined {
  const text = hop.trim()
  const address =
    /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text
  return isIP(address) === 0 ? undefined : plainAddress(address)
}
