import { blockRange } from '@linkfleet/local/ports'
import { expect, test } from 'vitest'
import { baseRange, highestDistance } from './free-ports.ts'

test('no fleet of a test has a port where blocks for engines are looked for', () => {
  const highestBase = baseRange.lowest + (baseRange.count - 1) * baseRange.step
  expect(highestBase + highestDistance).toBeLessThan(blockRange.lowest)
})
