import { describe, expect, test } from 'vitest'
import type { Series } from '../monitoring.ts'
import { episodesMax, episodesOf } from './episodes.ts'

const step = 300
const at = (index: number): number => 1_000_000 + index * step
const bad = (code: string, points: readonly (readonly [number, number])[]): Series => ({
  labels: { instance: 'redirect-1', route: '/:code', method: 'GET', code },
  points: points.map(([index, value]) => [at(index), value]),
})
const total: Series = { labels: {}, points: Array.from({ length: 200 }, (_, index) => [at(index), 1000]) }

test('steps that follow each other are one episode, and its worst part is named', () => {
  const answers = {
    total: [total],
    errors: [
      bad('503', [
        [3, 40],
        [4, 60],
        [9, 5],
      ]),
    ],
    slow: [bad('302', [[4, 7]])],
  }
  const [first, second, ...more] = episodesOf(answers, step, 1000)
  expect(more).toEqual([])
  expect(first).toMatchObject({
    from: new Date(at(2) * 1000).toISOString(),
    to: new Date(at(4) * 1000).toISOString(),
    bad: 107,
    requests: 2000,
    budgetShare: 0.107,
    mostly: { code: '503', kind: 'error', count: 100 },
  })
  expect(second).toMatchObject({ bad: 5, requests: 1000 })
})

test('a slow answer is told apart from an error of the same route', () => {
  const [only] = episodesOf({ total: [total], errors: [], slow: [bad('302', [[1, 3]])] }, step, 10)
  expect(only?.mostly).toMatchObject({ kind: 'slow', code: '302', count: 3 })
})

describe('bounds', () => {
  test('less than half a request is none', () => {
    expect(episodesOf({ total: [total], errors: [bad('500', [[1, 0.3]])], slow: [] }, step, 10)).toEqual([])
  })

  test('of very many episodes the largest are kept, in the order of time', () => {
    const points = Array.from({ length: 90 }, (_, index) => [index * 2, index + 1] as const)
    const episodes = episodesOf({ total: [total], errors: [bad('500', points)], slow: [] }, step, 10)
    expect(episodes).toHaveLength(episodesMax)
    expect(episodes.map(({ bad: count }) => count)).toEqual(
      Array.from({ length: episodesMax }, (_, index) => 41 + index),
    )
  })
})
