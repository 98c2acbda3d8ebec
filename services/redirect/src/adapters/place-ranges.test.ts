/** Ranges of random trees, beside the meaning of the prefixes that a tree was made of. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unknownPlace } from '../domain/identify-client.ts'
import { findPlaceInRanges, type PlaceDatabase } from './place-ranges.ts'

/** A network as its bits, each '0' or '1', in a tree of IPv6. */
interface Network {
  readonly bits: string
  readonly place: number
}

type Tree = [left: Tree | number, right: Tree | number]

const none = -1
const separatorBytes = 16
const ipv4Zeros = '0'.repeat(96)

const placeNamed = (number: number) => ({ ...unknownPlace, country: `place ${number}` })

function insert(tree: Tree, bits: string, place: number): void {
  const side = bits[0] === '1' ? 1 : 0
  if (bits.length === 1) {
    tree[side] = place
    return
  }
  const below = tree[side]
  const next: Tree = typeof below === 'number' ? [below, below] : below
  tree[side] = next
  insert(next, bits.slice(1), place)
}

/** Of all networks, or of those of IPv4 in a tree of their own. */
function databaseOf(all: readonly Network[], recordSize: number, ipVersion: 4 | 6 = 6): PlaceDatabase {
  const root: Tree = [none, none]
  const networks = ipVersion === 6 ? all : all.filter(({ bits }) => bits.startsWith(ipv4Zeros))
  const sorted = networks.toSorted((one, other) => one.bits.length - other.bits.length)
  for (const { bits, place } of sorted) insert(root, ipVersion === 6 ? bits : bits.slice(96), place)
  const nodes: Tree[] = []
  const collect = (tree: Tree) => {
    nodes.push(tree)
    for (const below of tree) if (typeof below !== 'number') collect(below)
  }
  collect(root)
  const numbers = new Map(nodes.map((node, number) => [node, number]))
  const recordOf = (below: Tree | number) => {
    if (typeof below !== 'number') return numbers.get(below) as number
    return below === none ? nodes.length : nodes.length + separatorBytes + below
  }
  const digits = nodes.map(([left, right]) => nodeInHex(recordOf(left), recordOf(right), recordSize))
  // Room behind the tree, or ranges would be larger than a file with a few nodes.
  const bytes = Buffer.concat([Buffer.from(digits.join(''), 'hex'), Buffer.alloc(10_000)])
  const findPlace = (address: string) => placeOf(sorted, bitsOf(address))
  return { bytes, nodeCount: nodes.length, recordSize, ipVersion, findPlace }
}

function nodeInHex(left: number, right: number, recordSize: number): string {
  const hex = (number: number) => number.toString(16).padStart(recordSize / 4, '0')
  if (recordSize !== 28) return hex(left) + hex(right)
  return `${hex(left).slice(1)}${hex(left)[0]}${hex(right)[0]}${hex(right).slice(1)}`
}

/** The longest network that it is in says where it is. */
function placeOf(sorted: readonly Network[], bits: string) {
  const found = sorted.findLast((network) => bits.startsWith(network.bits))
  return found === undefined ? unknownPlace : placeNamed(found.place)
}

/** Of an address as the tests and the ranges write it: dotted, or groups of IPv6 with `::` at their end. */
function bitsOf(address: string): string {
  const groups = address.split(/[.:]/).filter((group) => group !== '')
  if (address.includes('.')) {
    return ipv4Zeros + groups.map((group) => Number(group).toString(2).padStart(8, '0')).join('')
  }
  return groups
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
    .padEnd(128, '0')
}

const bitsArbitrary = (minimum: number, maximum: number) =>
  fc.array(fc.constantFrom('0', '1'), { minLength: minimum, maxLength: maximum }).map((bits) => bits.join(''))
const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16))
const networkArbitrary = fc.record({
  bits: fc.oneof(
    bitsArbitrary(1, 32).map((bits) => ipv4Zeros + bits),
    // Below 2000::/3, as all that is given out, and not where IPv4 is.
    bitsArbitrary(1, 61).map((bits) => `001${bits}`),
  ),
  place: fc.integer({ min: 0, max: 40 }),
})
/** The edges of networks are where ranges are wrong. */
const edgesOf = ({ bits }: Network): string[] => {
  const isIpv4 = bits.startsWith(ipv4Zeros)
  const edges = [bits.padEnd(128, '0'), bits.padEnd(128, '1')]
  return edges.map((edge) => {
    const [width, radix, joint] = isIpv4 ? ([8, 10, '.'] as const) : ([16, 16, ':'] as const)
    const used = isIpv4 ? edge.slice(96) : edge.slice(0, 64)
    const parts = used.match(new RegExp(`.{${width}}`, 'g')) ?? []
    const text = parts.map((part) => Number.parseInt(part, 2).toString(radix)).join(joint)
    return isIpv4 ? text : `${text}::`
  })
}

test('any address has the place of the longest network that it is in, whatever the size of a record', () => {
  fc.assert(
    fc.property(
      fc.array(networkArbitrary, { maxLength: 30 }),
      fc.constantFrom(24, 28, 32),
      fc.constantFrom(4 as const, 6 as const),
      fc.array(fc.oneof(fc.ipV4(), fc.array(group, { minLength: 4, maxLength: 4 })), { maxLength: 10 }),
      (networks, recordSize, ipVersion, random) => {
        const database = databaseOf(networks, recordSize, ipVersion)
        const findPlace = findPlaceInRanges(database)
        const addresses = random.map((one) =>
          typeof one === 'string' ? one : `2${one.join(':').slice(1)}::`,
        )
        for (const address of [...networks.flatMap(edgesOf), ...addresses]) {
          expect([address, findPlace?.(address)]).toEqual([address, database.findPlace(address)])
        }
      },
    ),
  )
})

test('a network that is divided below /64 is where it begins', () => {
  const network = bitsOf('2001:db8:1:2::').slice(0, 64)
  const findPlace = findPlaceInRanges(
    databaseOf(
      [
        { bits: `${network}0`, place: 1 },
        { bits: `${network}1`, place: 2 },
      ],
      24,
    ),
  )
  expect(findPlace?.('2001:db8:1:2:ffff::1')).toEqual(placeNamed(1))
})

test('a database of more places than a byte can tell apart is left as it is', () => {
  const networks = (count: number) =>
    Array.from({ length: count }, (_none, place) => ({
      bits: ipv4Zeros + place.toString(2).padStart(32, '0'),
      place,
    }))
  // What is nowhere is one of them.
  expect(findPlaceInRanges(databaseOf(networks(255), 24))).toBeDefined()
  expect(findPlaceInRanges(databaseOf(networks(256), 24))).toBeUndefined()
})

test('a database that takes less memory than its ranges is left as it is', () => {
  const database = databaseOf([{ bits: `${ipv4Zeros}1`, place: 1 }], 24)
  const bytesOfTree = database.bytes.subarray(0, 6 * database.nodeCount)
  expect(findPlaceInRanges({ ...database, bytes: bytesOfTree })).toBeDefined()
  // A tree without nodes is one range.
  expect(findPlaceInRanges({ ...database, bytes: Buffer.alloc(0), nodeCount: 0 })).toBeUndefined()
})

test('records of one place are one place', () => {
  const networks = Array.from({ length: 1_000 }, (_none, place) => ({
    bits: ipv4Zeros + place.toString(2).padStart(32, '0'),
    place,
  }))
  const database = databaseOf(networks, 24)
  const findPlace = (address: string) => ({ ...database.findPlace(address), country: 'one country' })
  expect(findPlaceInRanges({ ...database, findPlace })?.('0.0.1.7')?.country).toBe('one country')
})

test('a file that is too short for its tree is left as it is', () => {
  const database = databaseOf([{ bits: `${ipv4Zeros}1`, place: 1 }], 24)
  expect(findPlaceInRanges({ ...database, bytes: database.bytes.subarray(0, 100) })).toBeUndefined()
})

test('nodes that lead back to themselves are left as they are', () => {
  const bytes = Buffer.from(nodeInHex(0, 0, 24), 'hex')
  const database = { bytes, nodeCount: 1, recordSize: 24, ipVersion: 4, findPlace: () => unknownPlace }
  expect(findPlaceInRanges(database)).toBeUndefined()
})
