import { expect, test } from 'vitest'
import { api } from './api.ts'

test('an export has the bounds, the intervals and the days of what is shown', () => {
  const shown = {
    code: 'über/1',
    from: '2026-05-31T22:00:00.000Z',
    to: '2026-06-15T22:00:00.000Z',
    interval: 'day',
    timezone: 'Europe/Berlin',
  } as const
  const { pathname, searchParams } = new URL(api.exportPath(shown, 'csv'), 'http://console.example')
  const { code, ...asked } = shown
  expect(pathname).toBe(`/api/v1/links/${encodeURIComponent(code)}/stats/export`)
  expect(Object.fromEntries(searchParams)).toEqual({ ...asked, format: 'csv' })
})
