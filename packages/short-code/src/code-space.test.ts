import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase62 } from './base62.ts'
import { type CodeKey, createCodeSpace } from './code-space.ts'
import { BATCH_VALUES_MAX } from './permutation.ts'

const key = (version: number, fromCounter: number): CodeKey => ({
  version,
  fromCounter,
  secret: new Uint8Array(32).fill(version),
})
const nothing = () => false
const small = { shardCount: 4, lengths: [2, 3], isReserved: nothing }
const big = { shardCount: 1024, lengths: [7, 8], isReserved: nothing }

/** All codes of some counters of every shard, in batches of odd sizes. */
function allCodes(
  space: ReturnType<typeof createCodeSpace>,
  shardCount: number,
  first: number,
  end: number,
): string[] {
  const codes: string[] = []
  for (let shard = 0; shard < shardCount; shard += 1) {
    for (let counter = first; counter < end; counter += 5001) {
      codes.push(...space.codes(shard, counter, Math.min(end, counter + 5001)))
    }
  }
  return codes
}

describe('the code space', () => {
  test('gives every counter of every shard a code of its own, through the growth to the next length', () => {
    const space = createCodeSpace({ ...small, keys: [key(1, 0)] })
    const codes = allCodes(space, 4, 0, space.countersMax)
    expect(space.countersMax).toBe(62 ** 2 / 4 + 62 ** 3 / 4)
    expect(new Set(codes).size).toBe(62 ** 2 + 62 ** 3)
    expect(space.codeLength(62 ** 2 / 4 - 1)).toBe(2)
    expect(space.codeLength(62 ** 2 / 4)).toBe(3)
    expect(space.codes(3, 62 ** 2 / 4 - 2, 62 ** 2 / 4 + 2).map((code) => code.length)).toEqual([2, 2, 3, 3])
  })

  test('never repeats a code over rotations of the key, wherever they fall', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2400 }), { maxLength: 4 }), (starts) => {
        const keys = [0, ...starts.toSorted((a, b) => a - b)].map((start, index) => key(index + 1, start))
        const ends = [...keys.slice(1).map(({ fromCounter }) => fromCounter), 2500]
        const codes = keys.flatMap(({ fromCounter }, index) =>
          // Each stretch is coded by a space that knows the keys of its time only.
          allCodes(
            createCodeSpace({ ...small, keys: keys.slice(0, index + 1) }),
            4,
            fromCounter,
            ends[index]!,
          ),
        )
        expect(codes).toHaveLength(2500 * 4)
        expect(new Set(codes).size).toBe(2500 * 4)
      }),
      { numRuns: 25 },
    )
  })

  test('keeps the codes of earlier counters when a key is added, and changes the later ones', () => {
    const before = createCodeSpace({ ...big, keys: [key(1, 0)] })
    const after = createCodeSpace({ ...big, keys: [key(1, 0), key(2, 1000)] })
    expect(after.newestKeyVersion).toBe(2)
    expect(after.codes(7, 0, 1000)).toEqual(before.codes(7, 0, 1000))
    const later = new Set(before.codes(7, 1000, 2000))
    expect(after.codes(7, 1000, 2000).filter((code) => later.has(code))).toEqual([])
    expect(after.codes(7, 990, 1010)).toEqual([...after.codes(7, 990, 1000), ...after.codes(7, 1000, 1010)])
  })

  test('gives the same codes one by one as in a batch', () => {
    const space = createCodeSpace({ ...big, keys: [key(1, 0), key(2, 500)] })
    fc.assert(
      fc.property(
        fc.nat({ max: 1023 }),
        fc.nat({ max: 1000 }),
        fc.nat({ max: 40 }),
        (shard, first, count) => {
          const single = Array.from({ length: count }, (_, n) =>
            space.codes(shard, first + n, first + n + 1),
          ).flat()
          expect(space.codes(shard, first, first + count)).toEqual(single)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('spells seven characters in the fleet, spread over all first letters', () => {
    const space = createCodeSpace({ ...big, keys: [key(1, 0)] })
    const codes = space.codes(0, 0, 5000)
    expect(codes.every((code) => /^[0-9A-Za-z]{7}$/.test(code) && decodeBase62(code) !== undefined)).toBe(
      true,
    )
    expect(new Set(codes.map((code) => code[0])).size).toBe(62)
  })

  test('skips reserved words', () => {
    const open = createCodeSpace({ ...small, keys: [key(1, 0)] })
    const [first, second, third] = open.codes(1, 0, 3)
    const guarded = createCodeSpace({ ...small, keys: [key(1, 0)], isReserved: (code) => code === second })
    expect(guarded.codes(1, 0, 3)).toEqual([first, third])
  })

  test('refuses counters, shards, batches and keys outside of their bounds', () => {
    const space = createCodeSpace({ ...small, keys: [key(1, 0)] })
    expect(() => space.codes(4, 0, 1)).toThrow(RangeError)
    expect(() => space.codes(0, -1, 1)).toThrow(RangeError)
    expect(() => space.codes(0, space.countersMax, space.countersMax + 1)).toThrow(RangeError)
    expect(() => space.codes(0, 0, BATCH_VALUES_MAX + 1)).toThrow(RangeError)
    expect(() => createCodeSpace({ ...small, keys: [] })).toThrow(RangeError)
    expect(() => createCodeSpace({ ...small, keys: [key(1, 5)] })).toThrow(RangeError)
    expect(() => createCodeSpace({ ...small, keys: [key(2, 0), key(1, 5)] })).toThrow(RangeError)
    expect(() => createCodeSpace({ ...small, keys: [key(1, 0), key(2, 5), key(3, 4)] })).toThrow(RangeError)
    expect(() => createCodeSpace({ ...small, lengths: [3, 2], keys: [key(1, 0)] })).toThrow(RangeError)
  })
})
