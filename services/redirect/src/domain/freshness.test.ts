import { expect, test } from 'vitest'
import { freshForMs, isFresh } from './freshness.ts'

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
