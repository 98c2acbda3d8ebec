import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BATCH_VALUES_MAX, createPermutation } from './permutation.ts'

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 })
const SEVEN_CHARACTERS = 62 ** 7
const EIGHT_CHARACTERS = 62 ** 8

describe('the keyed permutation', () => {
  test('is a bijection of every small domain, seen whole', () => {
    fc.assert(
      fc.property(secrets, fc.integer({ min: 1, max: 3000 }), (secret, size) => {
        const images = createPermutation({ secret, size }).forward(Array.from({ length: size }, (_, n) => n))
        expect(new Set(images).size).toBe(size)
        expect(images.every((image) => image >= 0 && image < size)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test.each([SEVEN_CHARACTERS, EIGHT_CHARACTERS, 2 ** 50, 2 ** 50 + 1, 2 ** 52])(
    'is undone by its inverse on samples of a domain of %i',
    (size) => {
      fc.assert(
        fc.property(secrets, fc.array(fc.maxSafeNat(), { maxLength: 200 }), (secret, numbers) => {
          const permutation = createPermutation({ secret, size })
          const values = [...numbers.map((number) => number % size), 0, size - 1]
          const images = permutation.forward(values)
          expect(images.every((image) => Number.isInteger(image) && image >= 0 && image < size)).toBe(true)
          expect(permutation.inverse(images)).toEqual(values)
        }),
        { numRuns: 30 },
      )
    },
  )

  test('gives a value the same image alone and in any batch', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.integer({ min: 1, max: SEVEN_CHARACTERS }),
        fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 50 }),
        (secret, size, numbers) => {
          const permutation = createPermutation({ secret, size })
          const values = numbers.map((number) => number % size)
          expect(permutation.forward(values)).toEqual(values.map((value) => permutation.forward([value])[0]))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('is another one under another secret and over another size', () => {
    const values = Array.from({ length: 64 }, (_, n) => n)
    const first = createPermutation({ secret: new Uint8Array(32).fill(1), size: SEVEN_CHARACTERS })
    const second = createPermutation({ secret: new Uint8Array(32).fill(2), size: SEVEN_CHARACTERS })
    const smaller = createPermutation({ secret: new Uint8Array(32).fill(1), size: SEVEN_CHARACTERS - 1 })
    expect(second.forward(values)).not.toEqual(first.forward(values))
    expect(smaller.forward(values)).not.toEqual(first.forward(values))
  })

  test('keeps its images for ever: a change of them would repeat codes', () => {
    const secret = Uint8Array.from({ length: 32 }, (_, n) => n)
    expect(
      createPermutation({ secret, size: SEVEN_CHARACTERS }).forward([0, 1, 2, SEVEN_CHARACTERS - 1]),
    ).toEqual(KNOWN_SEVEN)
    expect(
      createPermutation({ secret, size: EIGHT_CHARACTERS }).forward([0, 1, 2, EIGHT_CHARACTERS - 1]),
    ).toEqual(KNOWN_EIGHT)
  })

  test('spreads neighbours over the whole domain', () => {
    const secret = Uint8Array.from({ length: 32 }, (_, n) => 255 - n)
    const images = createPermutation({ secret, size: SEVEN_CHARACTERS }).forward(
      Array.from({ length: BATCH_VALUES_MAX }, (_, n) => n),
    )
    // Chi-squared over 62 equal parts, 61 degrees of freedom: a uniform spread exceeds 120 once in 10^5 keys.
    const expected = images.length / 62
    const counts = new Array<number>(62).fill(0)
    for (const image of images) counts[Math.floor((image / SEVEN_CHARACTERS) * 62)]! += 1
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(120)
  })

  test('refuses what lies outside of its domain or its bounds', () => {
    const permutation = createPermutation({ secret: new Uint8Array(32), size: 100 })
    for (const value of [-1, 100, 0.5, Number.NaN])
      expect(() => permutation.forward([value])).toThrow(RangeError)
    expect(() => permutation.forward(new Array(BATCH_VALUES_MAX + 1).fill(0))).toThrow(RangeError)
    expect(() => createPermutation({ secret: new Uint8Array(31), size: 100 })).toThrow(RangeError)
    for (const size of [0, 1.5, 2 ** 53]) {
      expect(() => createPermutation({ secret: new Uint8Array(32), size })).toThrow(RangeError)
    }
  })
})

const KNOWN_SEVEN = [1047697227940, 2980674502876, 3241701704521, 2617266448937]
const KNOWN_EIGHT = [195790854438884, 73788073807041, 31147800641376, 79928418817841]
