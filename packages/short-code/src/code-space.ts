// Which code belongs to a value of a shard's counter.
//
// Each shard counts from 0 without a gap in meaning: its first values name codes of the first length, and when its
// share of those is used up the following ones name codes of the next length, so the space grows by itself. Within
// one length, value c of shard s is number c · shards + s, a keyed bijection scatters the numbers over the whole
// length, and Base62 spells them. One number, one code: no two codes are equal by construction.
//
// Keys rotate without a repeat. Key v has a first counter value f(v) that no shard had reached when the key was made
// and that every shard starts it with. Let T(v) be the identity on numbers before f(v) and the keyed permutation of
// the remainder [f(v), end) on the others. A code is T(1) ∘ T(2) ∘ … ∘ T(v) of its number: a bijection, because each
// T is one, and T(v + 1) leaves alone each number used before it, so the old codes stay exactly what they were.
// Whoever knows all earlier keys learns nothing about the codes of the newest but that they are not used yet.

import { base62Size, encodeBase62 } from './base62.ts'
import { BATCH_VALUES_MAX, createPermutation, type Permutation } from './permutation.ts'

export interface CodeKey {
  readonly version: number
  /** At least 32 random bytes. */
  readonly secret: Uint8Array
  /** The first counter value, in every shard, whose code depends on this key. 0 for the first key. */
  readonly fromCounter: number
}

export interface CodeSpaceOptions {
  readonly shardCount: number
  /** The lengths of codes, in the order in which they are used up: [7, 8] in the fleet, shorter in tests. */
  readonly lengths: readonly number[]
  /** In the order of their versions. */
  readonly keys: readonly CodeKey[]
  readonly isReserved: (code: string) => boolean
}

export interface CodeSpace {
  /** A shard's counter may take the values [0, countersMax). */
  readonly countersMax: number
  /** Where the counters of each length end, shortest length first; the last one is countersMax. */
  readonly lengthEnds: readonly number[]
  readonly newestKeyVersion: number
  /** The length of the code of this counter value. */
  codeLength(counter: number): number
  /**
   * The codes of the counter values [first, end) of a shard, in their order, without the reserved words. At most
   * BATCH_VALUES_MAX values at once.
   */
  codes(shard: number, first: number, end: number): string[]
}

/** The codes of one length: a stretch of each shard's counter. */
interface Stretch {
  readonly length: number
  readonly firstCounter: number
  readonly endCounter: number
  /** Applied from the last to the first. */
  readonly layers: readonly Layer[]
}

interface Layer {
  readonly firstNumber: number
  readonly permutation: Permutation
}

export function createCodeSpace(options: CodeSpaceOptions): CodeSpace {
  assertKeys(options.keys)
  const { shardCount, isReserved } = options
  const stretches = layOutStretches(options)
  const countersMax = stretches.at(-1)!.endCounter

  function stretchOf(counter: number): Stretch {
    const stretch = stretches.find(({ endCounter }) => counter < endCounter)
    if (stretch === undefined || !Number.isInteger(counter) || counter < 0) {
      throw new RangeError(`counter ${counter} is outside of [0, ${countersMax})`)
    }
    return stretch
  }

  function codes(shard: number, first: number, end: number): string[] {
    if (!Number.isInteger(shard) || shard < 0 || shard >= shardCount) {
      throw new RangeError(`shard ${shard} is outside of [0, ${shardCount})`)
    }
    if (end - first > BATCH_VALUES_MAX) {
      throw new RangeError(`at most ${BATCH_VALUES_MAX} counter values at once, not ${end - first}`)
    }
    const texts: string[] = []
    for (let counter = first; counter < end; ) {
      const stretch = stretchOf(counter)
      const endInStretch = Math.min(end, stretch.endCounter)
      const numbers: number[] = []
      for (; counter < endInStretch; counter += 1) {
        numbers.push((counter - stretch.firstCounter) * shardCount + shard)
      }
      for (const number of scatter(numbers, stretch.layers)) {
        const code = encodeBase62(number, stretch.length)
        if (!isReserved(code)) texts.push(code)
      }
    }
    return texts
  }

  return {
    countersMax,
    lengthEnds: stretches.map(({ endCounter }) => endCounter),
    newestKeyVersion: options.keys.at(-1)!.version,
    codeLength: (counter) => stretchOf(counter).length,
    codes,
  }
}

function scatter(numbers: number[], layers: readonly Layer[]): number[] {
  let scattered = numbers
  for (const { firstNumber, permutation } of layers.toReversed()) {
    // Numbers before the layer's first one were used before its key existed and stay where they are.
    const touched = scattered.flatMap((number, index) => (number >= firstNumber ? [index] : []))
    if (touched.length === 0) continue
    const images = permutation.forward(touched.map((index) => scattered[index]! - firstNumber))
    scattered = scattered.slice()
    images.forEach((image, position) => {
      scattered[touched[position]!] = firstNumber + image
    })
  }
  return scattered
}

function layOutStretches({ lengths, shardCount, keys }: CodeSpaceOptions): Stretch[] {
  const stretches: Stretch[] = []
  let firstCounter = 0
  for (const length of lengths) {
    // The few numbers that do not divide evenly among the shards are never used.
    const counters = Math.floor(base62Size(length) / shardCount)
    if (counters < 1) throw new RangeError(`codes of length ${length} are too few for ${shardCount} shards`)
    if (length <= (stretches.at(-1)?.length ?? 0)) throw new RangeError('lengths of codes must grow')
    const endCounter = firstCounter + counters
    const layers = layersOf(keys, { firstCounter, endCounter, shardCount, size: base62Size(length) })
    stretches.push({ length, firstCounter, endCounter, layers })
    firstCounter = endCounter
  }
  if (stretches.length === 0) throw new RangeError('a code space needs at least one length')
  return stretches
}

function layersOf(
  keys: readonly CodeKey[],
  stretch: { firstCounter: number; endCounter: number; shardCount: number; size: number },
): Layer[] {
  // Of the keys that were there before this length was used at all, the newest alone decides.
  const base = keys.findLastIndex((key) => key.fromCounter <= stretch.firstCounter)
  return keys
    .slice(Math.max(0, base))
    .filter((key) => key.fromCounter < stretch.endCounter)
    .map((key) => {
      const firstNumber = Math.max(0, key.fromCounter - stretch.firstCounter) * stretch.shardCount
      const permutation = createPermutation({ secret: key.secret, size: stretch.size - firstNumber })
      return { firstNumber, permutation }
    })
}

function assertKeys(keys: readonly CodeKey[]): void {
  if (keys[0]?.fromCounter !== 0) throw new RangeError('the first key starts at counter 0')
  for (const [index, key] of keys.entries()) {
    const previous = keys[index - 1]
    if (previous === undefined) continue
    if (key.version <= previous.version) throw new RangeError('versions of keys must grow')
    if (key.fromCounter < previous.fromCounter)
      throw new RangeError('a newer key starts no earlier than an older one')
  }
}
