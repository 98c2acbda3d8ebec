import { testSeed } from '@linkfleet/testkit/seed'
import { expect, test } from 'vitest'
import { behindMsMax, liveCount, totalOfEventId } from './live-count.ts'

test('a new stream tells the total first, then each growth once', () => {
  const count = liveCount(undefined)
  expect(count.next(7, 0)).toEqual({ total: 7, delta: 0 })
  expect(count.next(7, 1_000)).toBeUndefined()
  expect(count.next(9, 2_000)).toEqual({ total: 9, delta: 2 })
  expect(count.next(9, 3_000)).toBeUndefined()
})

test('a stream that is continued tells what came in between, once', () => {
  expect(liveCount(9).next(9, 0)).toBeUndefined()
  const count = liveCount(9)
  expect(count.next(12, 0)).toEqual({ total: 12, delta: 3 })
  expect(count.next(12, 1_000)).toBeUndefined()
})

test('a database that is behind takes nothing back and repeats nothing', () => {
  const count = liveCount(10)
  expect(count.next(8, 0)).toBeUndefined()
  expect(count.next(9, behindMsMax - 1)).toBeUndefined()
  expect(count.next(11, behindMsMax)).toEqual({ total: 11, delta: 1 })
})

test('a total that stays smaller is the true one', () => {
  const count = liveCount(10)
  expect(count.next(8, 0)).toBeUndefined()
  expect(count.next(8, behindMsMax)).toEqual({ total: 8, delta: -2 })
  expect(count.next(8, behindMsMax + 1)).toBeUndefined()
})

test('over random reconnects and replicas that are behind, the deltas add up to the total', () => {
  let state = testSeed
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  let count = liveCount(0)
  let [truth, told, nowMs] = [0, 0, 0]
  for (let step = 0; step < 5_000; step++) {
    nowMs += 1_000
    truth += Math.floor(random() * 5)
    if (random() < 0.1) count = liveCount(told)
    const behind = random() < 0.3 ? Math.floor(random() * 10) : 0
    const event = count.next(Math.max(0, truth - behind), nowMs)
    if (event === undefined) continue
    told += event.delta
    expect(event.total).toBe(told)
  }
  const last = count.next(truth, nowMs + 1)
  expect(told + (last?.delta ?? 0)).toBe(truth)
})

test.each(['', '-1', '1.5', '1e9', ' 1', '9'.repeat(16), 'NaN', '٣'])('%j is no id of ours', (id) => {
  expect(totalOfEventId(id)).toBeUndefined()
})
