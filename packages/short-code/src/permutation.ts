// A keyed bijection of [0, size) onto itself, for any size up to 2^52.
//
// Method: a balanced Feistel network over the smallest even number of bits that holds `size`, and cycle walking
// (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): a result outside of [0, size) goes through the
// network again until it falls inside, which stays a bijection because the network is one. The round function is
// AES-256 of (half, round, size), cut to half the width; ten rounds, as FF1 of NIST SP 800-38G has.
//
// Speed: a call into the cipher costs some microseconds and a block of AES a few nanoseconds, so all values of a
// batch go through each round in one AES-ECB call. ECB is right here: each block is one input of a pseudorandom
// function, and equal inputs must give equal outputs.

import { type Cipheriv, createCipheriv, hkdfSync } from 'node:crypto'

const ROUNDS = 10
const AES_BLOCK_BYTES = 16
const DOMAIN_BITS_MAX = 52

export const SECRET_BYTES_MIN = 32
/** Bounds the memory of one call and the time for which it holds the event loop (some milliseconds). */
export const BATCH_VALUES_MAX = 8192

export interface Permutation {
  readonly size: number
  /** The images of `values`, in their order; each must be an integer in [0, size), at most BATCH_VALUES_MAX of them. */
  forward(values: readonly number[]): number[]
  /** Undoes `forward`. */
  inverse(values: readonly number[]): number[]
}

export function createPermutation({ secret, size }: { secret: Uint8Array; size: number }): Permutation {
  if (!Number.isInteger(size) || size < 1 || size > 2 ** DOMAIN_BITS_MAX) {
    throw new RangeError(`the size of a permutation is 1 to 2^${DOMAIN_BITS_MAX}, not ${size}`)
  }
  if (secret.length < SECRET_BYTES_MIN) {
    throw new RangeError(`a permutation needs a secret of at least ${SECRET_BYTES_MIN} bytes`)
  }
  const network = openNetwork(secret, size)
  return {
    size,
    forward: (values) => walk(values, size, (batch) => network.run(batch, FORWARD)),
    inverse: (values) => walk(values, size, (batch) => network.run(batch, BACKWARD)),
  }
}

const FORWARD = Array.from({ length: ROUNDS }, (_, round) => round)
const BACKWARD = FORWARD.toReversed()

/** Cycle walking for a whole batch: the values that fell outside go through the network again, together. */
function walk(values: readonly number[], size: number, network: (batch: number[]) => void): number[] {
  if (values.length > BATCH_VALUES_MAX)
    throw new RangeError(`a batch holds at most ${BATCH_VALUES_MAX} values`)
  for (const value of values) {
    if (!Number.isInteger(value) || value < 0 || value >= size) {
      throw new RangeError(`${value} is outside of the permutation's domain of ${size}`)
    }
  }
  const results = values.slice()
  network(results)
  let outside = indexesAtLeast(results, size)
  while (outside.length > 0) {
    const batch = outside.map((index) => results[index]!)
    network(batch)
    batch.forEach((value, position) => {
      results[outside[position]!] = value
    })
    outside = outside.filter((index) => results[index]! >= size)
  }
  return results
}

function indexesAtLeast(values: readonly number[], size: number): number[] {
  const indexes: number[] = []
  for (let index = 0; index < values.length; index += 1) if (values[index]! >= size) indexes.push(index)
  return indexes
}

function openNetwork(secret: Uint8Array, size: number) {
  // Counted, not by Math.log2, which rounds just above a power of two. At least one bit a half: a network over
  // nothing has no halves to mix.
  let halfBits = 1
  while (4 ** halfBits < size) halfBits += 1
  const halfSize = 2 ** halfBits
  const halfMask = halfSize - 1
  const cipher = openCipher(secret)

  /** Replaces the values of `batch` by their images under the rounds in the order given. */
  function run(batch: number[], rounds: readonly number[]): void {
    const count = batch.length
    const lefts = new Uint32Array(count)
    const rights = new Uint32Array(count)
    for (let index = 0; index < count; index += 1) {
      lefts[index] = Math.floor(batch[index]! / halfSize)
      rights[index] = batch[index]! % halfSize
    }
    const backward = rounds === BACKWARD
    const inputs = roundInputs(count, size)
    for (const round of rounds) {
      // One round forward is (L, R) → (R, L ⊕ f(R)); one round back is (L, R) → (R ⊕ f(L), L).
      const known = backward ? lefts : rights
      const other = backward ? rights : lefts
      for (let index = 0; index < count; index += 1) {
        inputs.setUint32(index * AES_BLOCK_BYTES, known[index]!, true)
        inputs.setUint32(index * AES_BLOCK_BYTES + 4, round, true)
      }
      const outputs = viewOf(cipher.update(inputs))
      for (let index = 0; index < count; index += 1) {
        const mixed = (other[index]! ^ outputs.getUint32(index * AES_BLOCK_BYTES, true)) & halfMask
        other[index] = known[index]!
        known[index] = mixed
      }
    }
    for (let index = 0; index < count; index += 1) batch[index] = lefts[index]! * halfSize + rights[index]!
  }

  return { run }
}

/** One AES block for each value; the size is part of each, so that one secret gives unrelated permutations. */
function roundInputs(count: number, size: number): DataView {
  const inputs = new DataView(new ArrayBuffer(count * AES_BLOCK_BYTES))
  for (let index = 0; index < count; index += 1) {
    inputs.setBigUint64(index * AES_BLOCK_BYTES + 8, BigInt(size), true)
  }
  return inputs
}

function openCipher(secret: Uint8Array): Cipheriv {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'linkfleet short-code feistel aes-256', 32))
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
