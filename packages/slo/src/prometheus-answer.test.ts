import { describe, expect, test } from 'vitest'
import { MonitoringAway } from './monitoring.ts'
import { samplesOf, seriesOf } from './prometheus-answer.ts'

function answer(resultType: string, result: unknown): string {
  return JSON.stringify({ status: 'success', data: { resultType, result } })
}

describe('an instant answer', () => {
  test('has its labels and numbers', () => {
    expect(samplesOf(answer('vector', [{ metric: { service: 'redirect' }, value: [1, '0.5'] }]))).toEqual([
      { labels: { service: 'redirect' }, value: 0.5 },
    ])
  })

  test.each(['NaN', '+Inf', '-Inf', ''])('with the value %j has no number', (value) => {
    expect(samplesOf(answer('vector', [{ metric: {}, value: [1, value] }]))).toEqual([
      { labels: {}, value: null },
    ])
  })

  test('may be empty', () => expect(samplesOf(answer('vector', []))).toEqual([]))
})

test('a range answer keeps its moments, and NaN is a gap', () => {
  const values = [
    [10, '1'],
    [25, 'NaN'],
  ]
  expect(seriesOf(answer('matrix', [{ metric: {}, values }]))).toEqual([
    {
      labels: {},
      points: [
        [10, 1],
        [25, null],
      ],
    },
  ])
})

test.each([
  ['a page of a proxy', '<html>502</html>'],
  ['JSON of something else', '[]'],
  ['null', 'null'],
  ['an error', JSON.stringify({ status: 'error', error: 'parse error' })],
  ['another type of result', answer('scalar', [1, '2'])],
  ['a result that is no list', answer('vector', {})],
])('%s means that Prometheus is away', (_, body) => {
  expect(() => samplesOf(body)).toThrow(MonitoringAway)
})
