import { expect, test } from 'vitest'
import { restartPauseMs } from './restart.ts'

test('pauses double from half a second and end at half a minute', () => {
  expect([1, 2, 3, 4].map(restartPauseMs)).toEqual([500, 1_000, 2_000, 4_000])
  expect(restartPauseMs(7)).toBe(30_000)
  expect(restartPauseMs(1_000)).toBe(30_000)
})
