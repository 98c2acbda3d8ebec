import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base62Size, decodeBase62, encodeBase62 } from './base62.ts'

describe('Base62', () => {
  test('spells digits, then capitals, then small letters, padded to the length', () => {
    expect(encodeBase62(0, 7)).toBe('0000000')
    expect(encodeBase62(61, 1)).toBe('z')
    expect(encodeBase62(10, 2)).toBe('0A')
    expect(encodeBase62(62, 3)).toBe('010')
    expect(encodeBase62(62 ** 7 - 1, 7)).toBe('zzzzzzz')
    expect(encodeBase62(62 ** 8 - 1, 8)).toBe('zzzzzzzz')
  })

  test('comes back from its text for every length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.maxSafeNat(), (length, number) => {
        const value = number % base62Size(length)
        const text = encodeBase62(value, length)
        expect(text).toMatch(/^[0-9A-Za-z]+$/)
        expect(text).toHaveLength(length)
        expect(decodeBase62(text)).toBe(value)
      }),
    )
  })

  test('keeps the order of numbers', () => {
    fc.assert(
      fc.property(fc.nat({ max: 62 ** 5 - 1 }), fc.nat({ max: 62 ** 5 - 1 }), (one, other) => {
        expect(encodeBase62(one, 5) < encodeBase62(other, 5)).toBe(one < other)
      }),
    )
  })

  test('has no text for a number that does not fit, and no number for other text', () => {
    for (const value of [-1, 62, 0.5, Number.NaN]) expect(() => encodeBase62(value, 1)).toThrow(RangeError)
    expect(() => base62Size(9)).toThrow(RangeError)
    for (const text of ['', 'a-b', 'ä', '123456789', ' 1']) expect(decodeBase62(text)).toBeUndefined()
  })
})
