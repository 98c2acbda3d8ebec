import { expect, test } from 'vitest'
import { type Capacity, ratioToBare } from './redirect-capacity.ts'

const capacity = (name: string, workload: string, perCpuSecond: readonly number[]): Capacity => ({
  workload,
  server: { name } as Capacity['server'],
  slices: perCpuSecond.map((answered) => ({ answered, failed: 0, seconds: 1, cpuSeconds: 1 })),
})

test('a turn is compared with the same turn of the bare server, and the turn in the middle is told', () => {
  const bare = capacity('bare-http', 'hot', [10_000, 1_000, 10_000])
  const ours = capacity('redirect', 'hot', [8_000, 900, 100])
  const other = capacity('bare-http', 'random', [1, 1, 1])
  expect(ratioToBare(ours, [other, bare, ours])).toEqual([0.8, 0.01, 0.9])
})

test('turns in which nothing was measured are left out', () => {
  const bare = capacity('bare-http', 'hot', [0, 1_000])
  const ours = capacity('redirect', 'hot', [800, 700])
  expect(ratioToBare(ours, [bare, ours])).toEqual([0.7, 0.7, 0.7])
  expect(ratioToBare(ours, [ours])).toEqual([])
})
