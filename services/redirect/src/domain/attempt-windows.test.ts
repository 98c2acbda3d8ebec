import { expect, test } from 'vitest'
import { AttemptWindows } from './attempt-windows.ts'
import { SlowedClients } from './slowed-clients.ts'

test('attempts add up within a window, which begins with the first and ends on time', () => {
  const windows = new AttemptWindows({ windowMs: 1_000, keysMax: 10 })
  expect(windows.count('a', 1, 0)).toEqual({ attempts: 1, endsAtMs: 1_000 })
  expect(windows.count('a', 1, 999)).toEqual({ attempts: 2, endsAtMs: 1_000 })
  expect(windows.count('b', 1, 999).attempts).toBe(1)
  expect(windows.count('a', 1, 1_000)).toEqual({ attempts: 1, endsAtMs: 2_000 })
})

test('what is taken back never makes less than none', () => {
  const windows = new AttemptWindows({ windowMs: 1_000, keysMax: 10 })
  expect(windows.count('a', -1, 0).attempts).toBe(0)
  expect(windows.count('a', 1, 0).attempts).toBe(1)
})

test('a clock that was set back begins a new window', () => {
  const windows = new AttemptWindows({ windowMs: 1_000, keysMax: 10 })
  windows.count('a', 5, 1_000_000)
  expect(windows.count('a', 1, 0)).toEqual({ attempts: 1, endsAtMs: 1_000 })
})

test('beyond its room it forgets the window that began first', () => {
  const windows = new AttemptWindows({ windowMs: 1_000, keysMax: 2 })
  for (const key of ['a', 'b', 'c']) windows.count(key, 1, 0)
  expect(windows.size).toBe(2)
  expect(windows.count('c', 1, 1).attempts).toBe(2)
  expect(windows.count('a', 1, 1).attempts).toBe(1)
})

test('a slowed client waits until its time is over; beyond its room the first is let go', () => {
  const slowed = new SlowedClients(2)
  slowed.slow('a', 1_000)
  expect([slowed.waitMsOf('a', 400), slowed.waitMsOf('a', 1_000), slowed.waitMsOf('b', 400)]).toEqual([
    600, 0, 0,
  ])
  slowed.slow('b', 2_000)
  slowed.slow('c', 3_000)
  expect([slowed.size, slowed.waitMsOf('a', 0)]).toEqual([2, 0])
  slowed.sweep(2_000)
  expect(slowed.size).toBe(1)
})
