import { expect, test } from 'vitest'
import { finalCounters } from './final-counters.ts'
import { Metrics } from './metrics.ts'

test('counters and counts of histograms are told, those at 0 and gauges are not', async () => {
  const metrics = new Metrics('redirect')
  const answers = metrics.histogram('http_request_duration_seconds', 'help', ['code'])
  answers.observe({ code: '302' }, 0.01)
  answers.observe({ code: '302' }, 0.3)
  metrics
    .counter('redirect_clicks_recorded_total', 'help', ['kind'], [{ kind: 'click' }])
    .inc({ kind: 'click' }, 2)
  metrics.counter('redirect_stale_served_total', 'help')
  metrics.gauge('redirect_spool_bytes', 'help').set(9)
  expect(await finalCounters(metrics)).toEqual({
    'http_request_duration_seconds_count{code="302"}': 2,
    'redirect_clicks_recorded_total{kind="click"}': 2,
  })
})
