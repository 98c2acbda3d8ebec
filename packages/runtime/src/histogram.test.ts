import fc from 'fast-check'
import { Histogram as Reference, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { Histogram } from './histogram.ts'

const buckets = [0.001, 0.2, 1, 10]
const options = { name: 'seconds', help: 'How long.', labelNames: ['route', 'code'], buckets }

const observation = fc.record({
  route: fc.constantFrom('/a', '/b "c"\n'),
  code: fc.constantFrom('200', '500'),
  // Bounds themselves belong to their bucket.
  value: fc.oneof(
    fc.constantFrom(...buckets, 0),
    fc.integer({ min: 0, max: 2_000 }).map((n) => n / 64),
  ),
})

test('any observations read as those of prom-client do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(observation), async (observations) => {
      const registry = new Registry()
      const own = new Histogram({ ...options, registry })
      const expected = new Registry()
      const reference = new Reference({ ...options, registers: [expected] })
      for (const { value, ...labels } of observations) {
        own.observe(labels, value)
        reference.observe(labels, value)
        // A series that changed since it was last written is not written as it was.
        expect(`${own.text()}\n`).toBe(await expected.metrics())
      }
      expect(await registry.metrics()).toBe(await expected.metrics())
    }),
  )
})

test('without labels it exists at 0, and a bound series is the one its labels name', async () => {
  const registry = new Registry()
  new Histogram({ name: 'links', help: 'How many.', labelNames: [], buckets, registry }).observe(3)
  const bound = new Histogram({ ...options, registry }).labels({ code: '200', route: '/a' })
  expect(await registry.metrics()).toContain('seconds_count{code="200",route="/a"} 0')
  bound.observe(0.3)
  expect(await registry.metrics()).toContain('seconds_bucket{le="1",code="200",route="/a"} 1')
  expect(await registry.metrics()).toContain('links_sum 3')
})

test('a label that was not declared is a defect', () => {
  const histogram = new Histogram({ ...options, registry: new Registry() })
  expect(() => histogram.observe({ route: '/a', code: '200', other: 'x' } as never, 1)).toThrow(
    /no label other/,
  )
})
