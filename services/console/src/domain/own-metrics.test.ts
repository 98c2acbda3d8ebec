import { describe, expect, test } from 'vitest'
import type { InstanceAnswer } from '../ports.ts'
import { instanceView, readinessOf, serviceViewsOf } from './own-metrics.ts'

/** One series of the histogram: ten requests, of which `inTime` took at most 0.2 s. */
function series(route: string, code: string, inTime: number): string {
  const labels = `service="redirect",route="${route}",method="GET",code="${code}"`
  return [
    `http_request_duration_seconds_bucket{le="0.1",${labels}} ${inTime}`,
    `http_request_duration_seconds_bucket{le="0.2",${labels}} ${inTime}`,
    `http_request_duration_seconds_bucket{le="+Inf",${labels}} 10`,
    `http_request_duration_seconds_count{${labels}} 10`,
  ].join('\n')
}

function answer(metrics: string | null, readiness: string | null = null): InstanceAnswer {
  return { address: { service: 'redirect', adminUrl: 'http://127.0.0.1:9180' }, metrics, readiness }
}

describe('the own counters of a service', () => {
  test('add up over its instances', () => {
    const views = serviceViewsOf([answer(series('/:code', '302', 10)), answer(series('/:code', '302', 9))])
    expect(views).toHaveLength(1)
    expect(views[0]).toMatchObject({ service: 'redirect', requests: { total: 20, good: 19, bad: 1 } })
    expect(views[0]?.instances.map(({ requests: { good, bad } }) => [good, bad])).toEqual([
      [10, 0],
      [9, 1],
    ])
  })

  test('count a quick 5xx as bad and a quick 404 as good', () => {
    const views = serviceViewsOf([answer(`${series('/:code', '503', 10)}\n${series('/:code', '404', 10)}`)])
    expect(views[0]?.requests).toMatchObject({ total: 20, good: 10, bad: 10 })
  })

  test('leave out the routes outside the objective', () => {
    const views = serviceViewsOf([
      answer(`${series('/.well-known/linkfleet-probe', '302', 0)}\n${series('/:code', '302', 10)}`),
    ])
    expect(views[0]?.requests).toMatchObject({ total: 10, good: 10 })
  })

  test('say nothing of a service whose instances are all silent', () => {
    expect(serviceViewsOf([answer(null)])).toEqual([])
  })

  test('have no availability before the first request', () => {
    const zero =
      'http_request_duration_seconds_count{service="redirect",route="/:code",method="GET",code="302"} 0'
    expect(serviceViewsOf([answer(zero)])[0]).toMatchObject({
      requests: { total: 0, availability: null, budgetLeft: null },
      latencyMs: { p50: null, p99: null, p999: null },
    })
  })
})

describe('an instance', () => {
  test('tells its health and its dependencies', () => {
    const readiness = JSON.stringify({ status: 'ready', dependencies: { redis: 'up', kafka: 'down' } })
    expect(instanceView(answer('process_start_time_seconds 1700000000', readiness))).toMatchObject({
      status: 'ready',
      dependencies: [
        { name: 'redis', state: 'up' },
        { name: 'kafka', state: 'down' },
      ],
      startedAt: '2023-11-14T22:13:20.000Z',
      memoryBytes: null,
      requests: null,
    })
  })

  test.each([null, 'not JSON', 'null', '[]', '{"status":"fine"}'])(
    'that answers %j counts as silent',
    (body) => {
      expect(readinessOf(body)).toEqual({ status: 'silent', dependencies: [] })
    },
  )
})
