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

test('the page is that of the registry', async () => {
  const metrics = new Metrics('probe')
  metrics.counter('things_total', 'Things.', ['kind'], [{ kind: 'a "b"' }])
  const seconds = metrics.histogram('seconds', 'A \\ and\na line.', ['kind'])
  seconds.observe({ kind: 'a' }, 0.3)
  metrics.histogram('unused_seconds', 'None yet.', ['kind'])
  metrics.gauge('level', 'It is collected.', [], (gauge) => gauge.set(3))
  expect(await metrics.page()).toBe(await metrics.registry.metrics())
  expect(await metrics.page()).toContain('level 3')
})
