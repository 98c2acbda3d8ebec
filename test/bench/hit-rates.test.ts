import { describe, expect, test } from 'vitest'
import {
  churningTrace,
  hitPercent,
  lru,
  ours,
  sieve,
  staticOptimum,
  stationaryTrace,
  type Trace,
  withScans,
} from './hit-rates.ts'

const keys = 20_000
const requests = 400_000
const warmUp = 100_000

const ratesOf = (trace: Trace, entriesMax: number) => ({
  ours: hitPercent(ours(entriesMax), trace, warmUp),
  sieve: hitPercent(sieve(entriesMax), trace, warmUp),
  lru: hitPercent(lru(entriesMax), trace, warmUp),
  optimum: hitPercent(staticOptimum(entriesMax), trace, warmUp),
})

describe.each([0.8, 1, 1.2])('links asked for by the law of Zipf with s = %d', (exponent) => {
  const trace = stationaryTrace({ requests, keys, exponent, seed: 7 })

  test.each([0.02, 0.1, 0.3])(
    'a cache with room for %d of them is within 3.5 points of the optimum',
    (share) => {
      const rates = ratesOf(trace, keys * share)
      expect(rates.optimum - rates.ours).toBeLessThanOrEqual(3.5)
      expect(rates.ours).toBeGreaterThan(Math.max(rates.lru, rates.sieve - 0.1))
    },
  )

  test('scans of guessed codes drive little out', () => {
    const scanned = withScans(trace, { everyRequests: 20_000, scanKeys: 2_000, firstKey: keys })
    const rates = ratesOf(scanned, keys * 0.1)
    expect(rates.ours).toBeGreaterThan(Math.max(rates.lru, rates.sieve - 0.1))
  })

  test('what is asked for no longer makes room', () => {
    const churning = churningTrace({
      requests,
      keys,
      exponent,
      seed: 7,
      everyRequests: 10_000,
      movedRanks: 20,
    })
    const rates = ratesOf(churning, keys * 0.1)
    expect(rates.ours).toBeGreaterThan(Math.max(rates.lru, rates.sieve - 0.1))
  })
})

test('the optimum holds the keys of the lowest ranks, and LRU the last used', () => {
  const trace = Uint32Array.from([0, 1, 0, 2, 0, 1])
  expect(hitPercent(staticOptimum(1), trace, 0)).toBe(50)
  expect(hitPercent(staticOptimum(3), trace, 0)).toBe(100)
  expect(hitPercent(lru(1), Uint32Array.from([1, 1, 2, 2, 1]), 0)).toBe(40)
})
