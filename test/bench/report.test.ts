import { expect, test } from 'vitest'
import { formatReport, formatTable, isMet, medianOf, ratioOf } from './report.ts'

test('a ratio to nothing is no number', () => {
  expect(ratioOf(3, 4)).toBe(0.75)
  expect(ratioOf(3, 0)).toBeUndefined()
})

test('a median is in the middle, whatever the order', () => {
  expect(medianOf([10, 9, 1])).toBe(9)
  expect(medianOf([4, 1, 3, 2])).toBe(2.5)
  expect(medianOf([])).toBeUndefined()
})

test('a table aligns numbers right and words left, and shows what is not known as a dash', () => {
  const table = {
    title: 'Servers',
    columns: [
      { key: 'server', title: 'server' },
      { key: 'rate', title: 'requests/s' },
      { key: 'ratio', title: 'ratio', digits: 2 },
    ],
    rows: [
      { server: 'bare', rate: 61234.5, ratio: 1 },
      { server: 'redirect', rate: 900, ratio: undefined },
    ],
  }
  expect(formatTable(table)).toBe(
    [
      'Servers',
      'server    requests/s  ratio',
      '--------  ----------  -----',
      'bare          61,235   1.00',
      'redirect         900      –',
    ].join('\n'),
  )
})

test('a target has a bound on one side or on both', () => {
  expect(isMet({ what: 'ratio', atLeast: 0.75, measured: 0.75 })).toBe(true)
  expect(isMet({ what: 'ratio', atLeast: 0.75, measured: 0.7499 })).toBe(false)
  expect(isMet({ what: 'milliseconds', atMost: 20, measured: 21 })).toBe(false)
  expect(isMet({ what: 'cost', atLeast: 0.9, atMost: 1.1, measured: 1 })).toBe(true)
  expect(isMet({ what: 'nothing measured', atMost: 1, measured: Number.NaN })).toBe(false)
})

test('a broken check cannot be overlooked', () => {
  const text = formatReport({
    bench: 'redirect',
    notes: [],
    tables: [],
    checks: [{ what: 'every click is in Kafka', passed: false, found: '9 of 10' }],
    targets: [],
  })
  expect(text).toContain('BROKEN  every click is in Kafka: 9 of 10')
})
