import { expect, test } from 'vitest'
import { createRandom, createZipf } from './zipf.ts'

test.each([0, 0.8, 1, 1.2])('ranks come as often as the law with s = %d says', (exponent) => {
  const count = 50
  const draws = 200_000
  const zipf = createZipf(count, exponent, createRandom(7))
  const counted = new Array<number>(count).fill(0)
  for (let draw = 0; draw < draws; draw++) {
    const rank = zipf.draw()
    counted[rank] = (counted[rank] as number) + 1
  }
  const weights = counted.map((_, rank) => (rank + 1) ** -exponent)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  for (const [rank, weight] of weights.entries()) {
    const expected = (draws * weight) / sum
    // Six standard deviations: once in many millions of runs, and the seed is fixed.
    expect(Math.abs((counted[rank] as number) - expected)).toBeLessThan(6 * Math.sqrt(expected))
  }
})

test('the edges of the random numbers stay within the ranks', () => {
  expect(createZipf(10, 1, () => 0).draw()).toBe(0)
  expect(createZipf(10, 1, () => 1 - Number.EPSILON).draw()).toBe(9)
  expect(createZipf(1, 1, () => 0.5).draw()).toBe(0)
  expect(() => createZipf(0, 1, () => 0.5)).toThrow(RangeError)
})

test('the same seed gives the same numbers, in [0, 1)', () => {
  const one = createRandom(123)
  const other = createRandom(123)
  for (let index = 0; index < 10_000; index++) {
    const value = one()
    expect(value).toBe(other())
    expect(value >= 0 && value < 1).toBe(true)
  }
})
