import { describe, expect, test } from 'vitest'
import { readDay } from './day.ts'

const noon = Date.parse('2026-11-21T12:00:00Z') / 1000

test('a day that is over is whole', () => {
  expect(readDay('2026-11-20', noon)).toEqual({
    kind: 'day',
    day: { name: '2026-11-20', startSeconds: noon - 36 * 3600, endSeconds: noon - 12 * 3600, isOver: true },
  })
})

test('today lasts until now, and is what is meant when no day is named', () => {
  const today = {
    kind: 'day',
    day: { name: '2026-11-21', startSeconds: noon - 12 * 3600, endSeconds: noon, isOver: false },
  }
  expect(readDay('2026-11-21', noon + 0.7)).toEqual(today)
  expect(readDay(undefined, noon)).toEqual(today)
})

describe('is refused with a sentence', () => {
  test.each(['2026-13-01', '2026-02-30', '21.11.2026', '2026-11-21T00:00', '', '2026-1-1', '9'.repeat(40)])(
    '%j, which is no date',
    (text) =>
      expect(readDay(text, noon)).toEqual({ kind: 'invalid', detail: 'day is a date such as 2026-11-21' }),
  )

  test('a day that has not begun', () => {
    expect(readDay('2026-11-22', noon)).toMatchObject({ kind: 'invalid' })
    expect(readDay('2026-11-21', noon - 12 * 3600 + 5)).toMatchObject({ kind: 'invalid' })
  })
})
