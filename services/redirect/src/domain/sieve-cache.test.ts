import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sketchFor } from './frequency-sketch.ts'
import { entryBytes, indexBytes, SieveCache, type SieveCacheOptions, valueBytesMax } from './sieve-cache.ts'

/** The cache with numbers as values, each followed by as many bytes as make it that long. */
class NumberCache {
  readonly cache: SieveCache
  constructor(options: SieveCacheOptions) {
    this.cache = new SieveCache(options)
  }
  get(key: string): number | undefined {
    return this.#read(this.cache.get(key))
  }
  peek(key: string): number | undefined {
    return this.#read(this.cache.peek(key))
  }
  set(key: string, value: number, valueBytes: number): void {
    const text = Buffer.alloc(valueBytes, value & 0xff)
    text.writeUInt32LE(value)
    this.cache.set(key, text)
  }
  #read(place: number): number | undefined {
    if (place === 0) return undefined
    const text = Buffer.alloc(valueBytesMax)
    const bytes = this.cache.read(place, text)
    const value = text.readUInt32LE()
    expect(text.subarray(4, bytes).every((byte) => byte === (value & 0xff))).toBe(true)
    return value
  }
}

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

const bytesMax = 1_000
const roomBytes = bytesMax - indexBytes(bytesMax)
const placeBytes = 6

/** Short and long ones, so that keys too run over the end of a block; a few share each bucket. */
const key = fc
  .integer({ min: 0, max: 15 })
  .map((number) => (number % 5 === 0 ? `${'k'.repeat(41)}${number}` : String(number)))
const valueBytes = fc.oneof(
  fc.integer({ min: 4, max: 400 }),
  fc.constantFrom(43, 44, 45, 86, 87, 88, 89, roomBytes, 1_200),
)
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat(), valueBytes }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
)

test('any sequence of operations gives what a plain model of SIEVE gives, within the bound', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), fc.nat(), (operations, seed) => {
      const cache = new NumberCache({ bytesMax, placeBytes, seed })
      const model = new SieveModel(roomBytes)
      for (const step of operations) {
        if (step.kind === 'get') expect(cache.get(step.key)).toBe(model.get(step.key))
        else if (step.kind === 'delete') {
          cache.cache.delete(step.key)
          model.delete(step.key)
        } else {
          cache.set(step.key, step.value, step.valueBytes)
          model.set(step.key, step.value, entryBytes(step.key.length, step.valueBytes, placeBytes))
        }
        expect(cache.cache.bytes).toBeLessThanOrEqual(bytesMax)
        expect(cache.cache.bytes - indexBytes(bytesMax)).toBe(model.bytes)
        expect(cache.cache.size).toBe(model.entries.length)
        for (const entry of model.entries) expect(cache.peek(entry.key)).toBe(entry.value)
      }
    }),
    { numRuns: 500 },
  )
})

test('with an admission too, memory stays within its bound whatever sizes come, and a known key is always replaced', () => {
  const step = fc.record({ key, valueBytes, ask: key })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const cache = new NumberCache({ bytesMax, sketch: sketchFor(4) })
      const sizes = new Map<string, number>()
      for (const [place, { key, valueBytes, ask }] of steps.entries()) {
        cache.get(ask)
        const wasKnown = cache.peek(key) !== undefined
        cache.set(key, place, valueBytes)
        const bytes = entryBytes(key.length, valueBytes)
        sizes.set(key, bytes)
        if (wasKnown && bytes <= roomBytes) expect(cache.peek(key)).toBe(place)
        const held = [...sizes].filter(([held]) => cache.peek(held) !== undefined)
        expect(cache.cache.size).toBe(held.length)
        const heldBytes = held.reduce((sum, [, bytes]) => sum + bytes, indexBytes(bytesMax))
        expect(cache.cache.bytes).toBe(heldBytes)
        expect(cache.cache.bytes).toBeLessThanOrEqual(bytesMax)
      }
    }),
    { numRuns: 300 },
  )
})

const value = Buffer.alloc(10)
const usualBytes = entryBytes(8, value.length)
/** Room for a hundred entries of usual size. */
const hundred = 100 * usualBytes + indexBytes(100 * usualBytes)

test('entries that are asked for again outlive a scan of entries that are not', () => {
  const cache = new SieveCache({ bytesMax: hundred })
  for (let hot = 0; hot < 50; hot += 1) cache.set(`hot${hot}`, value)
  for (let scanned = 0; scanned < 5_000; scanned += 1) {
    cache.get(`hot${scanned % 50}`)
    cache.set(`scan${scanned}`, value)
  }
  let kept = 0
  for (let hot = 0; hot < 50; hot += 1) if (cache.peek(`hot${hot}`) !== 0) kept += 1
  expect(kept).toBe(50)
})

test('with an admission a scan drives out nothing that is asked for more often', () => {
  const cache = new SieveCache({ bytesMax: hundred, sketch: sketchFor(100) })
  const askAll = () => {
    for (let hot = 0; hot < 100; hot += 1) {
      if (cache.get(`hot${hot}`) === 0) cache.set(`hot${hot}`, value)
    }
  }
  for (let round = 0; round < 5; round += 1) askAll()
  for (let scanned = 0; scanned < 200; scanned += 1) cache.set(`scan${scanned}`, value)
  let kept = 0
  for (let hot = 0; hot < 100; hot += 1) if (cache.peek(`hot${hot}`) !== 0) kept += 1
  expect(kept).toBe(100)
})

test('what cannot be kept drives nothing out: a value larger than the whole cache, or a key that is no short ASCII', () => {
  const cache = new NumberCache({ bytesMax })
  cache.set('a', 1, 60)
  cache.set('b', 2, 1_000)
  cache.set('\u{e9}', 3, 60)
  cache.set('\u{161}', 4, 60)
  cache.set('c'.repeat(256), 5, 60)
  expect(cache.cache.size).toBe(1)
  expect(cache.peek('a')).toBe(1)
  expect(cache.peek('\u{161}')).toBeUndefined()
  cache.set('a', 6, 1_000)
  expect(cache.peek('a')).toBeUndefined()
  expect(cache.cache.bytes).toBe(indexBytes(bytesMax))
})

test('a full cache has nothing in the heap that the collector looks at', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const bytesMax = 16 << 20
  collectGarbage()
  const before = process.memoryUsage()
  const cache = new SieveCache({ bytesMax })
  const target = Buffer.alloc(80, 'x')
  for (let link = 0; cache.evictions === 0 && link < 1_000_000; link += 1) cache.set(`code-${link}`, target)
  collectGarbage()
  const after = process.memoryUsage()
  expect(cache.evictions).toBe(1)
  expect(cache.bytes).toBeGreaterThan(0.99 * bytesMax)
  expect(after.heapUsed - before.heapUsed).toBeLessThan(2 << 20)
})
