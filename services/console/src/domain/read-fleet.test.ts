import { expect, test } from 'vitest'
import { type InstanceAnswer, type Instances, type Monitoring, MonitoringAway } from '../ports.ts'
import { readFleet, readSlo } from './read-fleet.ts'

const nowMs = Date.parse('2026-11-21T13:00:07Z')
const ready: InstanceAnswer = {
  address: { service: 'redirect', adminUrl: 'http://127.0.0.1:9180' },
  readiness: '{"status":"ready","dependencies":{}}',
  metrics: [
    'http_request_duration_seconds_count{service="redirect",route="/:code",method="GET",code="302"} 10',
    'http_request_duration_seconds_bucket{le="0.2",service="redirect",route="/:code",method="GET",code="302"} 9',
    'http_request_duration_seconds_bucket{le="+Inf",service="redirect",route="/:code",method="GET",code="302"} 10',
  ].join('\n'),
}
const silent: InstanceAnswer = { ...ready, readiness: null, metrics: null }
const instances: Instances = { askAll: async () => [ready, silent] }

const away: Monitoring = {
  instant: async () => {
    throw new MonitoringAway('Prometheus does not answer.')
  },
  range: async () => [],
}

test("without Prometheus the page says so and has the services' own numbers", async () => {
  const told: unknown[] = []
  const view = await readSlo(
    { monitoring: away, instances, onMonitoringAway: (cause) => told.push(cause) },
    '1h',
    nowMs,
  )
  expect(view).toMatchObject({
    source: 'services',
    problem: 'Prometheus does not answer.',
    services: [{ service: 'redirect', requests: { total: 10, good: 9, bad: 1 } }],
    silentInstances: ['redirect at http://127.0.0.1:9180'],
    charts: null,
  })
  expect(told).toHaveLength(1)
})

test('a defect is not mistaken for an absent Prometheus', async () => {
  const broken: Monitoring = {
    ...away,
    instant: async () => {
      throw new TypeError('a defect')
    },
  }
  const reading = readSlo({ monitoring: broken, instances, onMonitoringAway: () => undefined }, '1h', nowMs)
  await expect(reading).rejects.toThrow(TypeError)
})

test('a Prometheus that has seen nothing yet answers with nothing, not with zeros', async () => {
  const empty: Monitoring = { instant: async () => [], range: async () => [] }
  const view = await readSlo({ monitoring: empty, instances, onMonitoringAway: () => undefined }, '1h', nowMs)
  expect(view).toMatchObject({ source: 'prometheus', problem: null, services: [], objectives: [] })
  expect(view.charts?.services).toEqual([])
})

test('a Prometheus that cannot answer for a long range still answers for now', async () => {
  const busy: Monitoring = {
    instant: async () => [],
    range: async () => {
      throw new MonitoringAway('Prometheus does not answer.')
    },
  }
  const view = await readSlo({ monitoring: busy, instances, onMonitoringAway: () => undefined }, '7d', nowMs)
  expect(view).toMatchObject({
    source: 'prometheus',
    problem: null,
    charts: null,
    chartsProblem: 'Prometheus does not answer.',
  })
})

test('a range ends at a whole step, so that asking again draws the same points', async () => {
  const asked: number[] = []
  const monitoring: Monitoring = {
    instant: async () => [],
    range: async ({ startSeconds, endSeconds, stepSeconds }) => {
      asked.push(startSeconds % stepSeconds, endSeconds % stepSeconds, endSeconds - startSeconds)
      return []
    },
  }
  await readSlo({ monitoring, instances, onMonitoringAway: () => undefined }, '6h', nowMs)
  expect(new Set(asked)).toEqual(new Set([0, 21_600]))
})

test('the fleet shows silent instances beside the ready ones', async () => {
  const view = await readFleet(instances, nowMs)
  expect(view.instances.map(({ status }) => status)).toEqual(['ready', 'silent'])
  expect(view.asOf).toBe('2026-11-21T13:00:07.000Z')
})
