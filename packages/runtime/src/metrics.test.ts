import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

test('a process tells of itself, and nothing that would have Node report each collection of garbage', async () => {
  const metrics = new Metrics('probe')
  metrics.collectProcessMetrics()
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining([
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_heap_size_used_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ]),
  )
  expect(names.filter((name) => name.includes('gc'))).toEqual([])
  expect(await metrics.registry.metrics()).toMatch(/^process_cpu_seconds_total \d/m)
})
