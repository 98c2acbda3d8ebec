import { expect, test } from 'vitest'
import { topRangeOf } from './top-links.ts'

const nowMs = Date.parse('2026-06-15T12:34:56Z')
const retention = { minuteDays: 2, hourDays: 10 }
const daysOf = (from?: string, to?: string) => {
  const { fromMs, toMs } = topRangeOf({ from, to }, retention, nowMs)
  return [fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(0, 10))
}

test('days whose candidates are kept are answered, the oldest one included', () => {
  expect(daysOf('2026-06-05', '2026-06-06')).toEqual(['2026-06-05', '2026-06-06'])
})

test('without a beginning the range is of days that are kept', () => {
  expect(daysOf()).toEqual(['2026-06-05', '2026-06-16'])
  expect(daysOf(undefined, '2026-06-07')).toEqual(['2026-06-05', '2026-06-07'])
})

test.each([
  ['before them', '2026-06-01', '2026-06-03'],
  ['that begins before them', '2026-06-04', '2026-06-10'],
  ['of which only the end is named', undefined, '2026-06-05'],
])('a range %s is refused by its beginning', (_what, from, to) => {
  expect(() => daysOf(from, to)).toThrow(
    expect.objectContaining({ message: expect.stringContaining('kept for 10 days') }),
  )
})
