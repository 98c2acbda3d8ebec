import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs, sleep } from './backoff.ts'

test('a wait is never under half its ceiling and never over its bound', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(2_000), random, (attempt, drawn) => {
      const waitMs = backoffMs(attempt, { baseMs: 50, maxMs: 1_000 }, () => drawn)
      const ceilingMs = Math.min(1_000, 50 * 2 ** attempt)
      expect(waitMs).toBeGreaterThanOrEqual(ceilingMs / 2)
      expect(waitMs).toBeLessThanOrEqual(ceilingMs)
    }),
  )
})

test('an aborted sleep ends at once and does not throw', async () => {
  await expect(sleep(60_000, AbortSignal.abort())).resolves.toBeUndefined()
})
