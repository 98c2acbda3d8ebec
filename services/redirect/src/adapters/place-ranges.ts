/**
 * The places of a database in the MaxMind DB format as sorted ranges of addresses. A database of countries takes six
 * tenths of its size so: its tree has six bytes and more for each of a million nodes, a range says where it begins and has
 * a byte for its place. Of an IPv6 address the first 64 bits count: a network is at one place.
 * The format: https://maxmind.github.io/MaxMind-DB/; docs/decisions/0039-countries-are-ranges.md has the numbers.
 */
import { isIP } from 'node:net'
import { clientNetworkOf } from '@linkfleet/runtime/client-address'
import { unknownPlace } from '../domain/identify-client.ts'
import type { FindPlace, Place } from '../ports.ts'

export interface PlaceDatabase {
  /** The whole file; its search tree comes first. */
  readonly bytes: Buffer
  readonly nodeCount: number
  /** Bits of each of the two records of a node. */
  readonly recordSize: number
  readonly ipVersion: number
  /** Looks an address up in the tree. */
  readonly findPlace: FindPlace
}

/** Where each range begins is two numbers of 32 bits; IPv4 needs the first alone. */
interface Ranges {
  readonly highs: Uint32Array
  readonly lows: Uint32Array
  readonly places: Uint8Array
}

/** A place is a byte. */
const placesMax = 256

/**
 * undefined when the database has more places than 256, when it would take less memory as it is, and when its tree is
 * damaged or no tree: MaxMind's lead from networks of IPv6 to IPv4 again. Keeps nothing of the database. Takes a tenth of a
 * second for a million nodes.
 */
export function findPlaceInRanges(database: PlaceDatabase): FindPlace | undefined {
  const { nodeCount, recordSize, ipVersion, bytes } = database
  if (bytes.length < (nodeCount * recordSize) / 4) return undefined
  const places = new PlaceNumbers(database.findPlace)
  let ipv4Root = 0
  // In a tree of IPv6 an IPv4 address is one that begins with 96 zeros.
  const zeros = ipVersion === 6 ? 96 : 0
  for (let bit = 0; bit < zeros && ipv4Root < nodeCount; bit++) ipv4Root = recordOf(database, ipv4Root, 0)
  const ipv4 = rangesBelow(database, ipv4Root, 32, places)
  const ipv6 = ipVersion === 6 ? rangesBelow(database, 0, 64, places) : noRanges
  if (ipv4 === undefined || ipv6 === undefined || bytesOf(ipv4) + bytesOf(ipv6) > bytes.length)
    return undefined

  const { known } = places
  return function findPlace(address) {
    const family = isIP(address)
    if (family === 0) return unknownPlace
    const place =
      family === 4 ? placeIn(ipv4, ipv4NumberOf(address), 0) : placeIn(ipv6, ...networkNumbersOf(address))
    return place === undefined ? unknownPlace : (known[place] ?? unknownPlace)
  }
}

const noRanges: Ranges = { highs: new Uint32Array(), lows: new Uint32Array(), places: new Uint8Array() }

const bytesOf = ({ highs, lows, places }: Ranges) => highs.byteLength + lows.byteLength + places.byteLength

/** Numbers places in the order in which they are met. Several records of the tree may be of one place. */
class PlaceNumbers {
  readonly known: Place[] = []
  readonly #findPlace: FindPlace
  readonly #byRecord = new Map<number, number>()
  readonly #byPlace = new Map<string, number>()

  constructor(findPlace: FindPlace) {
    this.#findPlace = findPlace
  }

  /** `example` is an address that has the record. undefined when there are more places than a byte can tell apart. */
  numberOf(record: number, example: () => string): number | undefined {
    const number = this.#byRecord.get(record)
    if (number !== undefined) return number
    const place = this.#findPlace(example())
    const key = JSON.stringify([place.country, place.region, place.city])
    const known = this.#byPlace.get(key) ?? this.known.push(place) - 1
    if (known === placesMax) return undefined
    this.#byPlace.set(key, known)
    this.#byRecord.set(record, known)
    return known
  }
}

/** All addresses that begin at this node, in their order, as far as so many bits tell them apart. */
function rangesBelow(
  database: PlaceDatabase,
  root: number,
  bits: 32 | 64,
  places: PlaceNumbers,
): Ranges | undefined {
  const { nodeCount } = database
  const highs = new Uint32Array(nodeCount + 1)
  const lows = new Uint32Array(bits === 64 ? nodeCount + 1 : 0)
  const numbers = new Uint8Array(nodeCount + 1)
  let count = 0
  let last: number | undefined
  let visits = 0

  /** False when it cannot go on. */
  function visit(node: number, depth: number, high: number, low: number): boolean {
    if (node >= nodeCount || depth === bits) return add(firstLeafBelow(database, node), high, low)
    // Nodes that are reached in several ways, or from below themselves, are no part of a tree.
    if (++visits > nodeCount) return false
    const one = 2 ** (31 - (depth % 32))
    return (
      visit(recordOf(database, node, 0), depth + 1, high, low) &&
      visit(
        recordOf(database, node, 1),
        depth + 1,
        depth < 32 ? high + one : high,
        depth < 32 ? low : low + one,
      )
    )
  }

  function add(leaf: number, high: number, low: number): boolean {
    const number = places.numberOf(leaf, () => (bits === 32 ? ipv4TextOf(high) : networkTextOf(high, low)))
    if (number === undefined) return false
    if (number === last) return true
    last = number
    highs[count] = high
    lows[count] = low
    numbers[count] = number
    count++
    return true
  }

  if (!visit(root, 0, 0, 0)) return undefined
  return { highs: highs.slice(0, count), lows: lows.slice(0, count), places: numbers.slice(0, count) }
}

/** What stands for a whole /64 that the tree divides further. */
function firstLeafBelow(database: PlaceDatabase, node: number): number {
  let leaf = node
  for (let bit = 64; bit < 128 && leaf < database.nodeCount; bit++) leaf = recordOf(database, leaf, 0)
  return leaf
}

/** The left (0) or right (1) record of a node. */
function recordOf({ bytes, recordSize }: PlaceDatabase, node: number, side: 0 | 1): number {
  const at = (node * recordSize) / 4
  if (recordSize === 24) return bytes.readUIntBE(at + 3 * side, 3)
  if (recordSize === 32) return bytes.readUInt32BE(at + 4 * side)
  // The byte in the middle has the highest bits of both.
  const middle = bytes.readUInt8(at + 3)
  const highest = side === 0 ? middle >> 4 : middle & 0b1111
  return highest * 2 ** 24 + bytes.readUIntBE(at + 4 * side, 3)
}

/** The last range that does not begin after it. */
function placeIn({ highs, lows, places }: Ranges, high: number, low: number): number | undefined {
  let from = 0
  let to = highs.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const itsHigh = highs[middle] ?? 0
    if (itsHigh < high || (itsHigh === high && (lows[middle] ?? 0) <= low)) from = middle + 1
    else to = middle
  }
  return places[from - 1]
}

const ipv4NumberOf = (address: string) =>
  address.split('.').reduce((number, part) => number * 256 + Number(part), 0)

const ipv4TextOf = (number: number) => [24, 16, 8, 0].map((bits) => (number >>> bits) & 0xff).join('.')

function networkNumbersOf(address: string): [high: number, low: number] {
  const [first = 0, second = 0, third = 0, fourth = 0] = clientNetworkOf(address)
    .split(':', 4)
    .map((group) => Number.parseInt(group, 16))
  return [first * 0x1_0000 + second, third * 0x1_0000 + fourth]
}

const networkTextOf = (high: number, low: number) =>
  `${[high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16)).join(':')}::`
