/**
 * Counts distinct visitors in at most 3 KiB: HyperLogLog with 4,096 registers, whose standard error is
 * 1.04 / sqrt(4096) = 1.63 %. Small counts are kept apart as in HyperLogLog++ (Heule, Nunkesser, Hall: "HyperLogLog in
 * Practice", 2013, section 5.3): as a list of entries of a sketch of 2^18 registers, from which the dense form can be
 * made at any time, and which is practically exact. The dense form is read by Ertl's estimator ("New cardinality
 * estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no correction by tables.
 *
 * A sketch is a set: the same visitors give the same bytes, however often, in whatever order and in however many batches
 * they are added. A visitor is an HMAC, so its bits are as good as a hash and none is computed.
 *
 *   sparse: 1, then the entries, each 3 bytes, ascending: 18 bits of register, 6 bits of rank
 *   dense:  2, then 4,096 ranks of 6 bits, four in three bytes
 */

const sparseForm = 1
const denseForm = 2
const rankBits = 6
const sparseBits = 18
const denseBits = 12
const registers = 1 << denseBits
const denseBytes = 1 + (registers * rankBits) / 8
/** More entries than this take more room than all registers. */
const entriesMax = (denseBytes - 1) / 3
/** The highest rank: 64 bits of hash less those of the register are all zero. */
const rankMax = 64 - denseBits + 1

export const sketchBytesMax = denseBytes
export const visitorBytesMin = 8

/** What one visitor sets: the register of the sparse form and its rank, as one number of 24 bits. */
export function entryOf(visitor: Uint8Array): number {
  const high = ((visitor[0]! << 24) | (visitor[1]! << 16) | (visitor[2]! << 8) | visitor[3]!) >>> 0
  const low = ((visitor[4]! << 24) | (visitor[5]! << 16) | (visitor[6]! << 8) | visitor[7]!) >>> 0
  const rest = high & 0x3fff
  const zeros = rest === 0 ? 14 + Math.clz32(low) : Math.clz32(rest) - 18
  return (((high >>> 14) << rankBits) | (zeros + 1)) >>> 0
}

/** The union of a sketch and entries, or undefined when they change nothing. undefined stands for an empty sketch. */
export function addEntries(
  sketch: Uint8Array | undefined,
  entries: Iterable<number>,
): Uint8Array<ArrayBuffer> | undefined {
  if (sketch !== undefined && sketch[0] === denseForm) return addToDense(sketch, entries)
  const held = sketch === undefined ? [] : entriesOf(sketch)
  const ranks = new Map(held.map((entry) => [entry >>> rankBits, entry]))
  let changed = false
  for (const entry of entries) {
    const known = ranks.get(entry >>> rankBits)
    // Of two entries of one register the greater has the greater rank.
    if (known !== undefined && known >= entry) continue
    ranks.set(entry >>> rankBits, entry)
    changed = true
  }
  if (!changed) return undefined
  const all = [...ranks.values()].sort((a, b) => a - b)
  return all.length <= entriesMax ? encodeSparse(all) : encodeDense(denseOf(all))
}

/** About how many visitors there are, to the nearest one. */
export function estimateVisitors(sketch: Uint8Array): number {
  if (sketch[0] === denseForm) return Math.round(ertl(decodeDense(sketch)))
  const all = 1 << sparseBits
  const used = (sketch.length - 1) / 3
  return Math.round(-all * Math.log1p(-used / all))
}

function entriesOf(sketch: Uint8Array): number[] {
  const entries: number[] = []
  for (let at = 1; at + 2 < sketch.length; at += 3) {
    entries.push((sketch[at]! << 16) | (sketch[at + 1]! << 8) | sketch[at + 2]!)
  }
  return entries
}

function encodeSparse(entries: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + entries.length * 3)
  bytes[0] = sparseForm
  let at = 1
  for (const entry of entries) {
    bytes[at] = entry >>> 16
    bytes[at + 1] = entry >>> 8
    bytes[at + 2] = entry
    at += 3
  }
  return bytes
}

function addToDense(sketch: Uint8Array, entries: Iterable<number>): Uint8Array<ArrayBuffer> | undefined {
  const ranks = decodeDense(sketch)
  return raise(ranks, entries) ? encodeDense(ranks) : undefined
}

function denseOf(entries: Iterable<number>): Uint8Array {
  const ranks = new Uint8Array(registers)
  raise(ranks, entries)
  return ranks
}

/** Whether any rank rose. */
function raise(ranks: Uint8Array, entries: Iterable<number>): boolean {
  let changed = false
  for (const entry of entries) {
    const register = entry >>> (rankBits + sparseBits - denseBits)
    // The bits that make a register of the sparse form narrower belong to the rank here.
    const between = (entry >>> rankBits) & 0x3f
    const rank = between === 0 ? 6 + (entry & 0x3f) : Math.clz32(between) - 25
    if (rank <= ranks[register]!) continue
    ranks[register] = rank
    changed = true
  }
  return changed
}

function encodeDense(ranks: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(denseBytes)
  bytes[0] = denseForm
  for (let register = 0, at = 1; register < registers; register += 4, at += 3) {
    const [a, b, c, d] = [ranks[register]!, ranks[register + 1]!, ranks[register + 2]!, ranks[register + 3]!]
    bytes[at] = (a << 2) | (b >>> 4)
    bytes[at + 1] = (b << 4) | (c >>> 2)
    bytes[at + 2] = (c << 6) | d
  }
  return bytes
}

function decodeDense(sketch: Uint8Array): Uint8Array {
  const ranks = new Uint8Array(registers)
  for (let register = 0, at = 1; register < registers; register += 4, at += 3) {
    const [x, y, z] = [sketch[at]!, sketch[at + 1]!, sketch[at + 2]!]
    ranks[register] = x >>> 2
    ranks[register + 1] = ((x & 0x3) << 4) | (y >>> 4)
    ranks[register + 2] = ((y & 0xf) << 2) | (z >>> 6)
    ranks[register + 3] = z & 0x3f
  }
  return ranks
}

function ertl(ranks: Uint8Array): number {
  const counts = new Array<number>(rankMax + 1).fill(0)
  for (const rank of ranks) counts[rank]!++
  let z = registers * tau(1 - counts[rankMax]! / registers)
  for (let rank = rankMax - 1; rank >= 1; rank--) z = 0.5 * (z + counts[rank]!)
  z += registers * sigma(counts[0]! / registers)
  return (registers * registers) / (2 * Math.LN2 * z)
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let x = share
  let y = 1
  let z = share
  for (let previous = Number.NaN; z !== previous; ) {
    x *= x
    previous = z
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let y = 1
  let z = 1 - share
  for (let previous = Number.NaN; z !== previous; ) {
    x = Math.sqrt(x)
    previous = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
