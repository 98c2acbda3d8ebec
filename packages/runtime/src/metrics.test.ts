import { collectDefaultMetrics, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

test('a process tells of itself, and nothing that would have Node report each collection of garbage', async () => {
  const metrics = new Metrics('probe')
  metrics.collectProcessMetrics()
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  const all = new Registry()
  collectDefaultMetrics({ register: all })
  const others = all.getMetricsAsArray().filter(({ name }) => name !== 'nodejs_gc_duration_seconds')
  expect(names.sort()).toEqual(others.map(({ name }) => name).sort())
  expect(names).toContain('process_resident_memory_bytes')
  expect(await metrics.registry.metrics()).toMatch(/^process_cpu_seconds_total \d/m)
})
