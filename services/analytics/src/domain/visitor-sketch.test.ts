import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addEntries, entryOf, estimateVisitors, sketchBytesMax } from './visitor-sketch.ts'

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

const add = (sketch: Uint8Array, entries: readonly number[]) => addEntries(sketch, entries) ?? sketch

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

test('the same visitors give the same bytes, in whatever order and however many batches they are added', () => {
  // Numbers that repeat, so that batches overlap; some sketches of them are sparse, some dense.
  const anyNumbers = fc.array(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 3_000, size: 'max' })
  const anyCuts = fc.array(fc.nat(), { maxLength: 5 })
  const forms = new Set<number | undefined>()
  fc.assert(
    fc.property(anyNumbers, anyCuts, (numbers, cuts) => {
      const entries = numbers.map((number) => entry(number))
      const together = add(empty, entries)
      const places = [...cuts.map((cut) => cut % entries.length), 0, entries.length].sort((a, b) => a - b)
      const batches = places.slice(1).map((end, index) => entries.slice(places[index], end))
      expect(batches.reduce(add, empty)).toEqual(together)
      expect(batches.toReversed().reduce(add, empty)).toEqual(together)
      expect(add(together, entries.toReversed())).toEqual(together)
      forms.add(together[0])
    }),
    { numRuns: 60 },
  )
  expect(forms).toEqual(new Set([1, 2]))
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
  expect(estimateVisitors(add(dense, [zeros, ones]))).toBeGreaterThanOrEqual(estimateVisitors(dense))
})
