import { describe, expect, test } from 'vitest'
import type { Sample, Series } from '../ports.ts'
import {
  alertViews,
  chartsView,
  dayOf,
  type InstantAnswers,
  objectiveViews,
  requestsView,
  serviceViews,
  windowSeconds,
} from './slo-report.ts'

const nothing: InstantAnswers = {
  total: [],
  good: [],
  p50: [],
  p99: [],
  p999: [],
  errorBudget: [],
  budgetLeft: [],
  errorRatios: [],
  alerts: [],
  silent: [],
}

function ofService(service: string, value: number | null, instance = `${service}-1`): Sample {
  return { labels: { service, instance }, value }
}

test('the day is a UTC day', () => {
  expect(dayOf(Date.parse('2026-11-21T13:14:15Z'))).toEqual({
    startsAt: '2026-11-21T00:00:00.000Z',
    endsAt: '2026-11-22T00:00:00.000Z',
  })
})

describe('the budget', () => {
  test('of 0.1 % is half spent when 5 of 10,000 requests were bad', () => {
    expect(requestsView(10_000, 9_995)).toMatchObject({ bad: 5, availability: 0.9995 })
    expect(requestsView(10_000, 9_995)?.budgetLeft).toBeCloseTo(0.5)
  })

  test('goes below nothing when it is overspent', () => {
    expect(requestsView(1_000, 990)?.budgetLeft).toBeCloseTo(-9)
  })

  test('without requests is not known, neither whole nor spent', () => {
    expect(requestsView(0, 0)).toMatchObject({ total: 0, availability: null, budgetLeft: null })
  })

  test('with no good request at all is spent a thousandfold', () => {
    expect(requestsView(100, null)).toMatchObject({ good: 0, bad: 100, availability: 0 })
  })

  test('never counts more good requests than requests, however increase() extrapolates', () => {
    expect(requestsView(99.6, 100.4)).toMatchObject({ total: 100, good: 100, bad: 0 })
  })
})

test('requests of a service are those of its instances, each shown with its own good and bad ones', () => {
  const total = [ofService('redirect', 30, 'redirect-2'), ofService('redirect', 70, 'redirect-1')]
  const good = [ofService('redirect', 69, 'redirect-1'), ofService('shortener', 5)]
  const [view] = serviceViews({ ...nothing, total, good })
  expect(view?.requests).toMatchObject({ total: 100, good: 69, bad: 31 })
  expect(view?.instances).toMatchObject([
    { name: 'redirect-1', requests: { good: 69, bad: 1 } },
    { name: 'redirect-2', requests: { good: 0, bad: 30 } },
  ])
})

test('services that Prometheus has not seen are left out, and their missing percentiles stay missing', () => {
  const answers = {
    ...nothing,
    total: [ofService('redirect', 10)],
    good: [ofService('redirect', 10)],
    p50: [ofService('redirect', null)],
  }
  expect(serviceViews(answers)).toEqual([
    {
      service: 'redirect',
      requests: { total: 10, good: 10, bad: 0, availability: 1, budgetLeft: 1 },
      instances: [
        {
          name: 'redirect-1',
          requests: { total: 10, good: 10, bad: 0, availability: 1, budgetLeft: 1 },
        },
      ],
      latencyMs: { p50: null, p99: null, p999: null },
    },
  ])
})

test('percentiles are in milliseconds', () => {
  const answers = { ...nothing, total: [ofService('shortener', 1)], p999: [ofService('shortener', 0.2)] }
  expect(serviceViews(answers)[0]?.latencyMs.p999).toBe(200)
})

describe('objectives', () => {
  const labels = { sloth_id: 'redirect-requests-1d', sloth_service: 'redirect', sloth_slo: 'requests-1d' }
  const ratio = (window: string, value: number | null) => ({
    labels: { ...labels, __name__: `slo:sli_error:ratio_rate${window}` },
    value,
  })

  test('burn by window, shortest first: the error ratio in units of the budget', () => {
    const views = objectiveViews({
      ...nothing,
      errorBudget: [{ labels, value: 0.001 }],
      budgetLeft: [{ labels, value: 0.75 }],
      errorRatios: [ratio('1d', 0.0005), ratio('5m', 0.0144), ratio('1h', null)],
    })
    expect(views).toHaveLength(1)
    expect(views[0]).toMatchObject({ service: 'redirect', name: 'requests-1d', budgetLeft: 0.75 })
    expect(views[0]?.objective).toBeCloseTo(0.999)
    expect(views[0]?.burnRates.map(({ window }) => window)).toEqual(['5m', '1h', '1d'])
    expect(views[0]?.burnRates[0]?.rate).toBeCloseTo(14.4)
    expect(views[0]?.burnRates[1]?.rate).toBeNull()
  })

  test('keep their ratios apart', () => {
    const other = { ...labels, sloth_id: 'shortener-requests-1d', sloth_service: 'shortener' }
    const views = objectiveViews({
      ...nothing,
      errorBudget: [
        { labels, value: 0.001 },
        { labels: other, value: 0.001 },
      ],
      errorRatios: [ratio('5m', 0.001)],
    })
    expect(views.map(({ burnRates }) => burnRates.length)).toEqual([1, 0])
    expect(views[1]?.budgetLeft).toBeNull()
  })
})

test('windows are ordered by their length', () => {
  expect(['30d', '5m', '1h', '12h', 'odd'].sort((a, b) => windowSeconds(a) - windowSeconds(b))).toEqual([
    '5m',
    '1h',
    '12h',
    '30d',
    'odd',
  ])
})

test('an alert says whom it concerns as far as its labels do', () => {
  expect(
    alertViews([
      { labels: { alertname: 'Burns', sloth_severity: 'page', sloth_service: 'redirect' }, value: 1 },
      { labels: {}, value: 1 },
    ]),
  ).toEqual([
    { name: 'Burns', severity: 'page', service: 'redirect' },
    { name: 'unnamed', severity: '', service: '' },
  ])
})

test('an alert that fires in several windows is told once', () => {
  const labels = { alertname: 'Burns', severity: 'ticket', service: 'redirect' }
  const windows = ['12h', '3d'].map((long_window) => ({ labels: { ...labels, long_window }, value: 1 }))
  expect(alertViews(windows)).toHaveLength(1)
})

describe('charts', () => {
  const series = (points: readonly (readonly [number, number | null])[]): Series[] => [
    { labels: { service: 'redirect' }, points },
  ]
  const none = { p50: [], p99: [], p999: [], total: [], good: [] }

  test('share one axis, and a moment that a series lacks is a gap in it', () => {
    const charts = chartsView('1h', {
      ...none,
      total: series([
        [10, 4],
        [20, 5],
      ]),
      good: series([
        [10, 4],
        [20, 3],
      ]),
      p50: series([
        [20, 0.01],
        [30, null],
      ]),
    })
    expect(charts.times).toEqual([10, 20, 30])
    expect(charts.services).toEqual([
      {
        service: 'redirect',
        p50: [null, 10, null],
        p99: [null, null, null],
        p999: [null, null, null],
        good: [4, 3, null],
        bad: [0, 2, null],
      },
    ])
  })

  test('count every request as bad while no good one has been recorded', () => {
    const charts = chartsView('1h', { ...none, total: series([[10, 4]]) })
    expect(charts.services[0]?.bad).toEqual([4])
  })

  test('are empty when Prometheus has nothing', () => {
    expect(chartsView('6h', none)).toEqual({ range: '6h', times: [], services: [] })
  })
})
