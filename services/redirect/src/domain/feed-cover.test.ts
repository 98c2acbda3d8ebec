import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, expect, test } from 'vitest'
import { FeedCover } from './feed-cover.ts'

const startMs = 1_700_000_000_000
const copy = liveLink('aB3dE5g', 7)
const at = (seconds: number) => startMs + seconds * 1_000

let cover: FeedCover

beforeEach(() => {
  cover = new FeedCover()
})

/** A mark of that second at that offset, written after a look some milliseconds later. */
function mark(
  offset: number,
  second: number,
  previous?: { readonly offset: number; readonly second: number },
  more: { readonly timeline?: number; readonly partitionCount?: number } = {},
): void {
  cover.marked(
    {
      knownAtMs: at(second),
      timeline: 1,
      partitionCount: 1,
      previous: previous && { offset: previous.offset, takenAtMs: at(previous.second) + 50 },
      ...more,
    },
    0,
    offset,
    at(second) + 100,
  )
}

test('one mark confirms nothing', () => {
  mark(10, 1)
  expect(cover.knownAtMs(copy, at(1))).toBe(at(1))
  expect(cover.allKnownAtMs).toBeUndefined()
})

test('what was current at the look of the first mark is confirmed by all that follow it', () => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(2))
  mark(15, 3, { offset: 12, second: 2 })
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(3))
  expect(cover.allKnownAtMs).toBe(at(3))
})

test('what was read before that look is not: its change may lie before the first mark', () => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  expect(cover.knownAtMs(copy, at(1) + 49)).toBe(at(1) + 49)
})

test('a copy is not made older by a mark', () => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  expect(cover.knownAtMs(copy, at(5))).toBe(at(5))
})

test.each([
  ['a mark of another timeline', () => mark(15, 3, { offset: 12, second: 2 }, { timeline: 2 })],
  [
    'a mark after the partitions have grown',
    () => mark(15, 3, { offset: 12, second: 2 }, { partitionCount: 2 }),
  ],
  ['a gap', () => cover.gap()],
  ['a change that is forgotten', () => cover.forgot(at(2))],
])('%s ends what was confirmed', (_what, happens) => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  happens()
  for (const timeline of [1, 2]) {
    const known = liveLink('aB3dE5g', 7, { timeline })
    expect(cover.knownAtMs(known, at(1) + 50)).toBe(at(1) + 50)
  }
  expect(cover.allKnownAtMs === undefined || cover.allKnownAtMs === at(2)).toBe(true)
})

test.each([
  ['that follows another one', { offset: 11, second: 2 }],
  ['of another relay, which follows none', undefined],
])('a mark %s takes nothing back and confirms nothing: copies age from the last one', (_what, previous) => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  mark(15, 3, previous)
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(2))
  expect(cover.allKnownAtMs).toBeUndefined()
  mark(16, 4, { offset: 15, second: 3 })
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(2))
  expect(cover.knownAtMs(copy, at(3) + 50)).toBe(at(4))
})

test('a mark of a primary that was succeeded neither confirms nor comes in between', () => {
  const onSecond = { timeline: 2 }
  mark(10, 1, undefined, onSecond)
  mark(11, 9)
  mark(12, 2, { offset: 10, second: 1 }, onSecond)
  expect(cover.knownAtMs(liveLink('aB3dE5g', 7, onSecond), at(1) + 50)).toBe(at(2))
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(1) + 50)
})

test('a copy of another timeline is not confirmed', () => {
  mark(10, 1)
  mark(12, 2, { offset: 10, second: 1 })
  expect(cover.knownAtMs(liveLink('aB3dE5g', 7, { timeline: 2 }), at(1) + 50)).toBe(at(1) + 50)
})

test('a copy is confirmed for less than a minute after it was read, of links that were read at once not equally long', () => {
  mark(0, 1)
  for (let second = 2; second <= 100; second++)
    mark(second, second, { offset: second === 2 ? 0 : second - 1, second: second - 1 })
  const asOfMs = at(2)
  const confirmedMs = Array.from({ length: 200 }, (_none, n) => {
    return cover.knownAtMs(liveLink(`code${n}`, n), asOfMs) - asOfMs
  })
  expect(Math.max(...confirmedMs)).toBeLessThanOrEqual(50_000)
  expect(Math.min(...confirmedMs)).toBeGreaterThan(30_000)
  expect(new Set(confirmedMs.map((ms) => Math.floor(ms / 1_000))).size).toBeGreaterThan(15)
})

test('a primary whose clock runs ahead confirms nothing of our future', () => {
  mark(10, 1)
  const previous = { offset: 10, takenAtMs: at(1) + 50 }
  cover.marked({ knownAtMs: at(9), timeline: 1, partitionCount: 1, previous }, 0, 12, at(2))
  expect(cover.knownAtMs(copy, at(1) + 50)).toBe(at(2))
})
