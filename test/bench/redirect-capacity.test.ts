import { expect, test } from 'vitest'
import { type Capacity, joinStarts, perSecond, ratioToBare } from './redirect-capacity.ts'

const capacity = (server: string, workload: string, ...starts: readonly (readonly number[])[]): Capacity => ({
  workload,
  server,
  starts: starts.map((turns) =>
    turns.map((answered) => ({ answered, failed: 0, seconds: 1, cpuSeconds: 1 })),
  ),
  residentPeakBytes: 1,
})

test('a turn is compared with the same turn of the bare server, and the median is told', () => {
  const bare = capacity('bare-http', 'hot', [10_000, 1_000, 10_000])
  const ours = capacity('redirect', 'hot', [8_000, 900, 100])
  const other = capacity('bare-http', 'random', [1, 1, 1])
  expect(ratioToBare(ours, [other, bare, ours])).toEqual({
    median: 0.8,
    least: 0.01,
    most: 0.9,
    ofStarts: [0.8],
  })
})

test('turns in which nothing was measured are left out', () => {
  const bare = capacity('bare-http', 'hot', [0, 1_000], [0, 0])
  const ours = capacity('redirect', 'hot', [800, 700], [800, 800])
  expect(ratioToBare(ours, [bare, ours])).toEqual({ median: 0.7, least: 0.7, most: 0.7, ofStarts: [0.7] })
  expect(ratioToBare(ours, [ours])).toBeUndefined()
})

test('of several starts all turns count, and each start is told', () => {
  const rows = [
    [capacity('bare-http', 'hot', [1_000, 1_000, 1_000]), capacity('redirect', 'hot', [700, 710, 720])],
    [capacity('bare-http', 'hot', [500, 500, 500]), capacity('redirect', 'hot', [400, 405, 410])],
  ]
  const [bare, ours] = joinStarts(rows) as [Capacity, Capacity]
  expect(ratioToBare(ours, [bare, ours])).toEqual({
    median: 0.76,
    least: 0.7,
    most: 0.82,
    ofStarts: [0.71, 0.81],
  })
  expect(perSecond(bare)).toBe(750)
  expect(joinStarts([])).toEqual([])
})
