import fc from 'fast-check'
import { expect, test } from 'vitest'
import { demoLinks, pickLink, pickVisitor, visitsPerSecond } from './demo-traffic.ts'

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('there are fifty links, each with an alias of its own', () => {
  const aliases = demoLinks().map(({ alias }) => alias)
  expect(aliases).toHaveLength(50)
  expect(new Set(aliases).size).toBe(50)
})

test('the first link is visited most, and every visit goes to a known link or the mistyped one', () => {
  const codes = ['a', 'b', 'c']
  const counts = new Map<string, number>()
  for (let step = 0; step < 1_000; step++) {
    const draws = [0.5, step / 1_000]
    const code = pickLink(codes, () => draws.shift() ?? 0)
    counts.set(code, (counts.get(code) ?? 0) + 1)
  }
  expect(counts.get('a')).toBeGreaterThan(counts.get('b') ?? 0)
  expect(counts.get('b')).toBeGreaterThan(counts.get('c') ?? 0)
  fc.assert(fc.property(chance, (draw) => [...codes, 'demo-mistyped'].includes(pickLink(codes, () => draw))))
})

test('every visitor names a browser', () => {
  fc.assert(fc.property(chance, (draw) => (pickVisitor(() => draw)['user-agent'] ?? '') !== ''))
})

test('traffic never stops and never exceeds its bound', () => {
  fc.assert(
    fc.property(chance, chance, (progress, draw) => {
      const rate = visitsPerSecond(progress, () => draw)
      return rate > 5 && rate < 80
    }),
  )
})
