import { expect, test } from 'vitest'
import { pickInstance, SecondTries, Standing } from './balance.ts'

function instance(name: string, isServing = true) {
  const standing = new Standing()
  standing.isServing = isServing
  return { name, standing }
}

function fail(standing: Standing, times: number, nowMs: number): void {
  for (let time = 0; time < times; time++) standing.failed(nowMs)
}

/** Which instances 12 calls in a row go to. */
function picked(instances: ReturnType<typeof instance>[], nowMs = 0, tried = new Set<never>()): string[] {
  const names = Array.from({ length: 12 }, (_, turn) => pickInstance(instances, tried, turn, nowMs)?.name)
  return [...new Set(names.map(String))].sort()
}

test('calls take turns among the instances that serve', () => {
  expect(picked([instance('a'), instance('b'), instance('c', false)])).toEqual(['a', 'b'])
})

test('when none serves, as at the start, all are tried in turn', () => {
  expect(picked([instance('a', false), instance('b', false)])).toEqual(['a', 'b'])
})

test('of no instances none is picked', () => {
  expect(pickInstance([], new Set(), 0, 0)).toBeUndefined()
})

test('a call goes where it has not been, but rather twice to one that serves than to one that does not', () => {
  const [a, b, dead] = [instance('a'), instance('b'), instance('dead', false)]
  expect(pickInstance([a, b, dead], new Set([a]), 0, 0)).toBe(b)
  expect(pickInstance([a, dead], new Set([a]), 1, 0)).toBe(a)
})

test('three failures in a row put an instance aside for a second, the next one for two', () => {
  const [a, b] = [instance('a'), instance('b')]
  fail(a.standing, 2, 0)
  expect(picked([a, b], 0)).toEqual(['a', 'b'])
  fail(a.standing, 1, 0)
  expect(picked([a, b], 999)).toEqual(['b'])
  expect(picked([a, b], 1_000)).toEqual(['a', 'b'])
  fail(a.standing, 1, 1_000)
  expect(picked([a, b], 2_999)).toEqual(['b'])
  expect(picked([a, b], 3_000)).toEqual(['a', 'b'])
})

test('an answer in between starts the count again and ends the ejection', () => {
  const [a, b] = [instance('a'), instance('b')]
  fail(a.standing, 2, 0)
  a.standing.answered()
  fail(a.standing, 2, 0)
  expect(picked([a, b], 0)).toEqual(['a', 'b'])
  fail(a.standing, 5, 0)
  expect(picked([a, b], 0)).toEqual(['b'])
  a.standing.answered()
  expect(picked([a, b], 0)).toEqual(['a', 'b'])
})

test('an instance is put aside for ten seconds at most', () => {
  const [a, b] = [instance('a'), instance('b')]
  let nowMs = 0
  for (let ejection = 0; ejection < 20; ejection++) {
    fail(a.standing, 3, nowMs)
    nowMs += 10_000
    expect(picked([a, b], nowMs)).toEqual(['a', 'b'])
  }
})

test('when more than half would be put aside, none is', () => {
  const [a, b, c] = [instance('a'), instance('b'), instance('c')]
  fail(a.standing, 3, 0)
  expect(picked([a, b, c], 0)).toEqual(['b', 'c'])
  fail(b.standing, 3, 0)
  expect(picked([a, b, c], 0)).toEqual(['a', 'b', 'c'])
})

test('second tries are bounded by a burst and then by a share of what succeeds', () => {
  const tries = new SecondTries({ tokensMax: 3, tokensPerSuccess: 0.25 })
  expect([1, 2, 3, 4].map(() => tries.take())).toEqual([true, true, true, false])
  for (let success = 0; success < 4; success++) tries.succeeded()
  expect([tries.take(), tries.take()]).toEqual([true, false])
  for (let success = 0; success < 100; success++) tries.succeeded()
  expect([1, 2, 3, 4].map(() => tries.take())).toEqual([true, true, true, false])
})
