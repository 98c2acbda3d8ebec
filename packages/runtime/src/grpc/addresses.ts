/** Where the instances of a service are: numeric addresses as given, names as DNS has them now and in a while. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { sleep } from '../backoff.ts'

/** One entry of a list of addresses: `host:port`, `[v6]:port` or `dns:///name:port`. */
export interface Place {
  readonly host: string
  readonly port: number
  /** Asked of DNS, again and again, and may stand for many instances. */
  readonly isName: boolean
}

const lookAgainMs = 5_000
const lookAgainAfterFailureMs = 1_000
const addressesMax = 128

/** Throws with a sentence that names the entry. */
export function placeOf(entry: string): Place {
  const [, host = '', port = ''] =
    /^(?:dns:(?:\/\/\/)?)?(\[[0-9a-f:.]+\]|[^:/\s]+):(\d{1,5})$/i.exec(entry) ?? []
  if (host === '' || Number(port) > 65_535 || Number(port) < 1) {
    throw new Error(`"${entry}" is no gRPC address: host:port or dns:///name:port.`)
  }
  const bare = host.replace(/^\[|\]$/g, '')
  if (bare === 'localhost') return { host: '127.0.0.1', port: Number(port), isName: false }
  return { host: bare, port: Number(port), isName: isIP(bare) === 0 }
}

export type Lookup = (host: string) => Promise<readonly string[]>

export const lookUpInDns: Lookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address)

export interface AddressesWatch extends Disposable {
  /** Resolves once every name was asked for once, with whatever result. */
  readonly first: Promise<void>
}

/**
 * Tells the addresses behind `entries`: at once those that are numeric, and each time that DNS has other ones. A name
 * that DNS does not answer for keeps the addresses it had last.
 */
export function watchAddresses(
  entries: readonly string[],
  tell: (addresses: readonly string[]) => void,
  options: { readonly lookup?: Lookup; readonly lookAgainMs?: number } = {},
): AddressesWatch {
  const ask = options.lookup ?? lookUpInDns
  const places = entries.map(placeOf)
  if (places.length === 0) throw new Error('A gRPC client needs at least one address.')
  const names = places.filter(({ isName }) => isName)
  const found = new Map<Place, readonly string[]>()
  const stopped = new AbortController()
  for (const place of places) if (!place.isName) found.set(place, [addressOf(place.host, place.port)])

  function tellAll(): void {
    const all = new Set(places.flatMap((place) => found.get(place) ?? []))
    tell([...all].toSorted().slice(0, addressesMax))
  }

  async function look(place: Place): Promise<boolean> {
    try {
      const hosts = await ask(place.host)
      if (hosts.length === 0) return false
      found.set(
        place,
        hosts.map((host) => addressOf(host, place.port)),
      )
      return true
    } catch {
      return false
    }
  }

  async function lookAtAll(): Promise<boolean> {
    const answered = await Promise.all(names.map(look))
    if (!stopped.signal.aborted) tellAll()
    return answered.every(Boolean)
  }

  async function follow(first: Promise<boolean>): Promise<void> {
    const lookAgain = options.lookAgainMs ?? lookAgainMs
    let answered = await first
    while (!stopped.signal.aborted) {
      await sleep(answered ? lookAgain : Math.min(lookAgain, lookAgainAfterFailureMs), stopped.signal)
      if (!stopped.signal.aborted) answered = await lookAtAll()
    }
  }

  tellAll()
  const first = names.length === 0 ? Promise.resolve(true) : lookAtAll()
  if (names.length > 0) void follow(first)
  return { first: first.then(() => {}), [Symbol.dispose]: () => stopped.abort() }
}

function addressOf(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
