import { expect, test } from 'vitest'
import { BatchSize, clicksPerBatchAtFirst, clicksPerBatchMax } from './batch-size.ts'

test('batches grow while full ones are quick, up to the most', () => {
  const size = new BatchSize()
  const sizes = Array.from({ length: 5 }, () => {
    const clicks = size.clicksMax
    size.applied(clicks, 100)
    return clicks
  })
  expect(sizes).toEqual([clicksPerBatchAtFirst, 5_000, 10_000, clicksPerBatchMax, clicksPerBatchMax])
})

test('batches stay as they are while they take about a second, or are not full', () => {
  const size = new BatchSize()
  size.applied(clicksPerBatchAtFirst, 1_000)
  size.applied(10, 1)
  size.applied(10, 60_000)
  expect(size.clicksMax).toBe(clicksPerBatchAtFirst)
})

test('batches shrink when they are slow or fail, to a size that any machine can do, and recover', () => {
  const size = new BatchSize()
  size.applied(clicksPerBatchAtFirst, 20_000)
  expect(size.clicksMax).toBe(1_250)
  for (let failures = 0; failures < 20; failures++) size.failed(size.clicksMax)
  expect(size.clicksMax).toBe(250)
  while (size.clicksMax < clicksPerBatchMax) size.applied(size.clicksMax, 20)
})

test('batches that are slow together shrink the next ones once', () => {
  const size = new BatchSize()
  for (let partitions = 0; partitions < 4; partitions++) size.applied(clicksPerBatchAtFirst, 5_000)
  expect(size.clicksMax).toBe(clicksPerBatchAtFirst / 2)
})

test.each([400, 1_000, 3_000, 20_000])(
  'on a machine that does %i clicks a second, batches settle',
  (clicksPerSecond) => {
    const size = new BatchSize()
    for (let batches = 0; batches < 50; batches++) {
      size.applied(size.clicksMax, (size.clicksMax / clicksPerSecond) * 1_000)
    }
    const seconds = size.clicksMax / clicksPerSecond
    expect(seconds).toBeGreaterThan(0.25)
    expect(seconds).toBeLessThan(1.5)
  },
)
