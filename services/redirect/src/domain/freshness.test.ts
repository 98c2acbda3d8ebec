import { expect, test } from 'vitest'
import { freshForMs, isFresh, isToRefresh } from './freshness.ts'

const hourMs = 3_600_000

test.each([
  ['just read', 0, true],
  ['almost as old as may be', freshForMs - 1, true],
  ['too old', freshForMs, false],
  ['of a clock that is a little ahead', -500, true],
  ['of before our clock was set back by an hour', -hourMs, false],
])('a copy %s', (_what, ageMs, fresh) => {
  expect(isFresh(5 * hourMs, 5 * hourMs + ageMs)).toBe(fresh)
})

test('copies that were read together are read anew one after the other, each before it is no longer fresh', () => {
  const asOfMs = 5 * hourMs
  const versions = Array.from({ length: 3_000 }, (_, index) => 7_000_000 + index)
  const dueAfter = (ageMs: number) =>
    versions.filter((version) => isToRefresh(version, asOfMs, asOfMs + ageMs)).length
  expect(dueAfter(6_999)).toBe(0)
  expect(dueAfter(7_749)).toBe(1_500)
  // A slow source has a second and a half.
  expect(dueAfter(freshForMs - 1_500)).toBe(versions.length)
})
