import { array, assert, double, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { boundOf, quantileSeconds } from './histogram.ts'

test('a quantile lies within its bucket as linearly as Prometheus has it', () => {
  const buckets = new Map([
    [0.1, 50],
    [0.2, 100],
    [Number.POSITIVE_INFINITY, 100],
  ])
  expect(quantileSeconds(buckets, 0.5)).toBeCloseTo(0.1)
  expect(quantileSeconds(buckets, 0.75)).toBeCloseTo(0.15)
  expect(quantileSeconds(buckets, 0.25)).toBeCloseTo(0.05)
})

test('a quantile in the open bucket is the last bound that is known', () => {
  const buckets = new Map([
    [0.2, 1],
    [Number.POSITIVE_INFINITY, 100],
  ])
  expect(quantileSeconds(buckets, 0.999)).toBe(0.2)
})

test('no observations have no quantile', () => {
  expect(quantileSeconds(new Map(), 0.5)).toBeNull()
  expect(quantileSeconds(new Map([[0.2, 0]]), 0.5)).toBeNull()
})

test('a higher quantile is never smaller', () => {
  assert(
    property(
      array(integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 12 }),
      double({ min: 0.01, max: 0.99, noNaN: true }),
      (counts, q) => {
        const upTo = (index: number) => counts.slice(0, index + 1).reduce((sum, count) => sum + count, 0)
        const buckets = new Map(counts.map((_, index) => [(index + 1) / 10, upTo(index)]))
        if (upTo(counts.length) === 0) return
        expect(quantileSeconds(buckets, q) ?? 0).toBeLessThanOrEqual(
          (quantileSeconds(buckets, 1) ?? 0) + 1e-9,
        )
      },
    ),
  )
})

test('bounds are numbers, +Inf included, and nothing else', () => {
  expect(boundOf('+Inf')).toBe(Number.POSITIVE_INFINITY)
  expect(boundOf('0.2')).toBe(0.2)
  expect(boundOf('abc')).toBeNull()
  expect(boundOf(undefined)).toBeNull()
})
