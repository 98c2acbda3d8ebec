import { expect, test } from 'vitest'
import { createLatencyRecorder } from './latency.ts'

test('percentiles are exact to three digits', () => {
  const recorder = createLatencyRecorder()
  for (let index = 1; index <= 10_000; index++) recorder.record(index / 10)
  const { count, p50Ms, p99Ms, p999Ms, maxMs } = recorder.percentiles()
  expect(count).toBe(10_000)
  expect(p50Ms / 500).toBeCloseTo(1, 2)
  expect(p99Ms / 990).toBeCloseTo(1, 2)
  expect(p999Ms / 999).toBeCloseTo(1, 2)
  expect(maxMs / 1_000).toBeCloseTo(1, 2)
})

test('what is too short or too long for the histogram is still counted', () => {
  const recorder = createLatencyRecorder()
  recorder.record(0)
  recorder.record(3_600_000)
  expect(recorder.percentiles()).toMatchObject({ count: 2 })
  expect(recorder.percentiles().maxMs / 60_000).toBeCloseTo(1, 2)
})

test('nothing recorded is nothing', () => {
  expect(createLatencyRecorder().percentiles()).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 })
})
