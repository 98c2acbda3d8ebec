import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sketchFor } from './frequency-sketch.ts'
import { SieveCache } from './sieve-cache.ts'

/** SIEVE as its paper tells it, on an array, slow and plain; the oldest entry is first. */
class SieveModel {
  entries: { key: string; value: number; bytes: number; visited: boolean }[] = []
  hand = 0
  bytesMax: number
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }
  get bytes(): number {
    return this.entries.reduce((sum, { bytes }) => sum + bytes, 0)
  }
  get(key: string): number | undefined {
    const entry = this.entries.find((candidate) => candidate.key === key)
    if (entry !== undefined) entry.visited = true
    return entry?.value
  }
  remove(index: number): void {
    this.entries.splice(index, 1)
    if (index < this.hand) this.hand -= 1
    if (this.hand >= this.entries.length) this.hand = 0
  }
  set(key: string, value: number, bytes: number): void {
    const index = this.entries.findIndex((candidate) => candidate.key === key)
    if (bytes > this.bytesMax) {
      if (index >= 0) this.remove(index)
      return
    }
    if (index >= 0) {
      Object.assign(this.entries[index]!, { value, bytes })
      while (this.bytes > this.bytesMax) this.evict(key)
      return
    }
    while (this.bytes > this.bytesMax - bytes) this.evict(undefined)
    // The hand that had passed the newest entry begins anew at the oldest, as long as nothing newer comes.
    this.entries.push({ key, value, bytes, visited: false })
  }
  delete(key: string): void {
    const index = this.entries.findIndex((candidate) => candidate.key === key)
    if (index >= 0) this.remove(index)
  }
  evict(spared: string | undefined): void {
    for (;;) {
      const entry = this.entries[this.hand]!
      if (!entry.visited && entry.key !== spared) break
      entry.visited = false
      this.hand = (this.hand + 1) % this.entries.length
    }
    this.entries.splice(this.hand, 1)
    if (this.hand >= this.entries.length) this.hand = 0
  }
}

const key = fc.integer({ min: 0, max: 15 }).map(String)
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      key,
      value: fc.nat(),
      bytes: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
)

test('any sequence of operations gives what a plain model of SIEVE gives, within the bound', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const cache = new SieveCache<number>(100)
      const model = new SieveModel(100)
      for (const step of operations) {
        if (step.kind === 'get') expect(cache.get(step.key)).toBe(model.get(step.key))
        else if (step.kind === 'delete') {
          cache.delete(step.key)
          model.delete(step.key)
        } else {
          cache.set(step.key, step.value, step.bytes)
          model.set(step.key, step.value, step.bytes)
        }
        expect(cache.bytes).toBeLessThanOrEqual(100)
        expect(cache.bytes).toBe(model.bytes)
        expect(cache.size).toBe(model.entries.length)
        for (const entry of model.entries) expect(cache.peek(entry.key)).toBe(entry.value)
      }
    }),
    { numRuns: 500 },
  )
})

test('entries that are asked for again outlive a scan of entries that are not', () => {
  const cache = new SieveCache<number>(1_000)
  for (let hot = 0; hot < 50; hot += 1) cache.set(`hot${hot}`, hot, 10)
  for (let scanned = 0; scanned < 5_000; scanned += 1) {
    cache.get(`hot${scanned % 50}`)
    cache.set(`scan${scanned}`, scanned, 10)
  }
  let kept = 0
  for (let hot = 0; hot < 50; hot += 1) if (cache.peek(`hot${hot}`) !== undefined) kept += 1
  expect(kept).toBe(50)
})

test('a value that is larger than the whole cache is not kept, and drives nothing out', () => {
  const cache = new SieveCache<number>(100)
  cache.set('a', 1, 60)
  cache.set('b', 2, 101)
  expect(cache.peek('a')).toBe(1)
  expect(cache.peek('b')).toBeUndefined()
  cache.set('a', 3, 101)
  expect(cache.peek('a')).toBeUndefined()
  expect(cache.bytes).toBe(0)
})

test('with an admission too, memory stays within its bound whatever sizes come, and a known key is always replaced', () => {
  const sized = fc.record({
    key,
    bytes: fc.oneof(fc.integer({ min: 1, max: 150 }), fc.constantFrom(1, 99, 100, 101)),
  })
  fc.assert(
    fc.property(fc.array(fc.record({ step: sized, ask: key }), { maxLength: 300 }), (steps) => {
      const cache = new SieveCache<number>(100, sketchFor(4))
      const sizes = new Map<string, number>()
      for (const [place, { step, ask }] of steps.entries()) {
        cache.get(ask)
        const wasKnown = cache.peek(step.key) !== undefined
        cache.set(step.key, place, step.bytes)
        sizes.set(step.key, step.bytes)
        if (wasKnown && step.bytes <= 100) expect(cache.peek(step.key)).toBe(place)
        const held = [...sizes].filter(([held]) => cache.peek(held) !== undefined)
        expect(cache.size).toBe(held.length)
        expect(cache.bytes).toBe(held.reduce((sum, [, bytes]) => sum + bytes, 0))
        expect(cache.bytes).toBeLessThanOrEqual(100)
      }
    }),
    { numRuns: 300 },
  )
})

test('with an admission a scan drives out nothing that is asked for more often', () => {
  const cache = new SieveCache<number>(1_000, sketchFor(100))
  const askAll = () => {
    for (let hot = 0; hot < 100; hot += 1) {
      if (cache.get(`hot${hot}`) === undefined) cache.set(`hot${hot}`, hot, 10)
    }
  }
  for (let round = 0; round < 5; round += 1) askAll()
  for (let scanned = 0; scanned < 200; scanned += 1) cache.set(`scan${scanned}`, scanned, 10)
  let kept = 0
  for (let hot = 0; hot < 100; hot += 1) if (cache.peek(`hot${hot}`) !== undefined) kept += 1
  expect(kept).toBe(100)
})
