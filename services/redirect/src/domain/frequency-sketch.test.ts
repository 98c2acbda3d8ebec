import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrequencySketch, sketchFor } from './frequency-sketch.ts'
import { hashOfKey } from './hash-of-key.ts'

const hashOf = (key: string) => hashOfKey(key, 0)

test('a count is never too low, and mostly right while there is room', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 400 }), (keys) => {
      const sketch = new FrequencySketch({ counters: 4_096, additionsPerAge: 1_000_000 })
      const counts = new Map<number, number>()
      for (const key of keys) {
        sketch.add(hashOf(String(key)), 1)
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      let wrong = 0
      for (const [key, count] of counts) {
        expect(sketch.countOf(hashOf(String(key)))).toBeGreaterThanOrEqual(count)
        if (sketch.countOf(hashOf(String(key))) !== count) wrong += 1
      }
      expect(wrong).toBeLessThanOrEqual(counts.size / 10)
    }),
  )
})

test('counts end at 255 and are halved as time goes on', () => {
  const sketch = new FrequencySketch({ counters: 64, additionsPerAge: 3 })
  sketch.add(hashOf('often'), 1_000)
  expect(sketch.countOf(hashOf('often'))).toBe(255)
  sketch.add(hashOf('other'), 1)
  expect(sketch.age).toBe(0)
  sketch.add(hashOf('other'), 1)
  expect(sketch.age).toBe(1)
  expect(sketch.countOf(hashOf('often'))).toBe(127)
})

test('a sketch takes a sixteenth of what its cache holds', () => {
  // 64 MiB of links of 256 bytes.
  expect(sketchFor(262_144).bytes).toBe(4 * 1_024 * 1_024)
})
