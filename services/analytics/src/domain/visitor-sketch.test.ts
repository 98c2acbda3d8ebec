import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addEntries, entryOf, estimateVisitors, mergeSketches, sketchBytesMax } from './visitor-sketch.ts'

const empty = new Uint8Array([1])
const visitorsMax = 50_000

/** The same random visitors for the same seed: the key stream of a cipher, 8 bytes each. */
function visitorsOf(seed: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(8 * visitorsMax))
}

const first = visitorsOf(0)
const entry = (number: number, visitors = first) => entryOf(visitors.subarray(8 * number, 8 * number + 8))

/** Visitors number `from` to `to`, the last one excluded. */
function sketchOf(from: number, to: number, visitors = first): Uint8Array {
  const entries: number[] = []
  for (let number = from; number < to; number++) entries.push(entry(number, visitors))
  return addEntries(undefined, entries) ?? empty
}

/** Ranges of visitors: some sketches of them are sparse, some dense, and they overlap. */
const anySketch = fc
  .tuple(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 0, max: 2_500 }))
  .map(([from, count]) => sketchOf(from, from + count))

test('an empty sketch has no visitors', () => {
  expect(estimateVisitors(empty)).toBe(0)
  expect(addEntries(undefined, [])).toBeUndefined()
})

test('up to a hundred visitors are counted one by one', () => {
  for (let seed = 0; seed < 20; seed++) {
    for (const visitors of [1, 2, 3, 10, 30, 100]) {
      const counted = estimateVisitors(sketchOf(0, visitors, visitorsOf(seed)))
      expect(Math.abs(counted - visitors), `seed ${seed}, ${visitors}`).toBeLessThanOrEqual(
        visitors < 50 ? 0 : 1,
      )
    }
  }
})

test('a thousand visitors are counted within half a percent', () => {
  for (let seed = 0; seed < 20; seed++) {
    const counted = estimateVisitors(sketchOf(0, 1_000, visitorsOf(seed)))
    expect(Math.abs(counted - 1_000), `seed ${seed}`).toBeLessThanOrEqual(5)
  }
})

test.each([1_500, 3_000, 10_000, 40_000])(
  'the error over many sketches of %d visitors is that of 4,096 registers, 1.63 percent',
  (visitors) => {
    const runs = visitors > 10_000 ? 20 : 40
    let squares = 0
    let sum = 0
    for (let seed = 0; seed < runs; seed++) {
      const error = estimateVisitors(sketchOf(0, visitors, visitorsOf(seed))) / visitors - 1
      expect(Math.abs(error), `seed ${seed}`).toBeLessThan(5 * 0.0163)
      squares += error * error
      sum += error
    }
    expect(Math.sqrt(squares / runs)).toBeLessThan(1.5 * 0.0163)
    // No bias: the mean of the errors shrinks with the root of their number.
    expect(Math.abs(sum / runs)).toBeLessThan((4 * 0.0163) / Math.sqrt(runs))
  },
)

test('merging is the union: whatever was added apart is as if it had been added together', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5_000 }), { maxLength: 3_000 }), fc.nat(), (numbers, cut) => {
      const entries = numbers.map((number) => entry(number))
      const middle = numbers.length === 0 ? 0 : cut % numbers.length
      const one = addEntries(undefined, entries.slice(0, middle)) ?? empty
      const other = addEntries(undefined, entries.slice(middle)) ?? empty
      const together = addEntries(undefined, entries) ?? empty
      expect(mergeSketches(one, other)).toEqual(together)
      expect(addEntries(one, entries.slice(middle)) ?? one).toEqual(together)
    }),
    { numRuns: 60 },
  )
})

test('merging does not depend on order or grouping, and a sketch merged with itself is itself', () => {
  fc.assert(
    fc.property(anySketch, anySketch, anySketch, (a, b, c) => {
      expect(mergeSketches(a, b)).toEqual(mergeSketches(b, a))
      expect(mergeSketches(mergeSketches(a, b), c)).toEqual(mergeSketches(a, mergeSketches(b, c)))
      expect(mergeSketches(a, a)).toEqual(a)
      expect(mergeSketches(a, empty)).toEqual(a)
    }),
    { numRuns: 60 },
  )
})

test('a sketch never outgrows its bound, and adding what it holds changes nothing', () => {
  for (const visitors of [1, 1_000, 1_100, 50_000]) {
    const sketch = sketchOf(0, visitors)
    expect(sketch.length).toBeLessThanOrEqual(sketchBytesMax)
    expect(addEntries(sketch, [entry(0)])).toBeUndefined()
  }
  expect(sketchBytesMax).toBeLessThanOrEqual(3 * 1024 + 1)
})

test('a hash of all zeros and one of all ones are counted', () => {
  const zeros = entryOf(Buffer.alloc(16, 0))
  const ones = entryOf(Buffer.alloc(16, 0xff))
  const sparse = addEntries(undefined, [zeros, ones])!
  expect(estimateVisitors(sparse)).toBe(2)
  const dense = sketchOf(0, 20_000)
  expect(estimateVisitors(mergeSketches(dense, sparse))).toBeGreaterThanOrEqual(estimateVisitors(dense))
})
