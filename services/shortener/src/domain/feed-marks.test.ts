import { expect, test } from 'vitest'
import type { OutboxSnapshot } from '../ports.ts'
import { FeedMarks } from './feed-marks.ts'

function look(heartbeatMs: number | undefined, more: Partial<OutboxSnapshot> = {}): OutboxSnapshot {
  const takenAtMs = (heartbeatMs ?? 0) + 30
  const moment = { asOfMs: takenAtMs, takenAtMs, timeline: 1, heartbeatMs }
  return { changes: [], ...moment, isCompleteForRedis: true, isCompleteForKafka: true, ...more }
}

test('a mark names the one before it in its partition, once that is acknowledged', () => {
  const marks = new FeedMarks()
  const first = marks.begin(look(1_000))
  expect(first?.markOf(3, 12)).toEqual({
    knownAtMs: 1_000,
    timeline: 1,
    partitionCount: 12,
    previous: undefined,
  })
  first?.acknowledged(3, 12, 70)
  const next = marks.begin(look(2_000))
  expect(next?.markOf(3, 12).previous).toEqual({ offset: 70, takenAtMs: 1_030 })
  expect(next?.markOf(4, 12).previous).toBeUndefined()
})

test('a mark that nobody acknowledged is not named', () => {
  const marks = new FeedMarks()
  marks.begin(look(1_000))?.acknowledged(0, 1, 5)
  marks.begin(look(2_000))
  expect(marks.begin(look(3_000))?.markOf(0, 1).previous).toEqual({ offset: 5, takenAtMs: 1_030 })
})

test.each([
  ['that left out changes which Kafka has not', look(2_000, { isCompleteForKafka: false })],
  ['with the heartbeat of the marks before', look(1_000)],
  ['without a heartbeat', look(undefined)],
])('a look %s makes no marks', (_what, snapshot) => {
  const marks = new FeedMarks()
  marks.begin(look(1_000))
  expect(marks.begin(snapshot)).toBeUndefined()
})

test.each([
  ['of another timeline', look(900, { timeline: 2 }), 12],
  ['after the partitions have grown', look(2_000), 24],
])('a mark %s names none', (_what, snapshot, partitionCount) => {
  const marks = new FeedMarks()
  marks.begin(look(1_000))?.acknowledged(0, 12, 5)
  const { heartbeatMs: knownAtMs, timeline } = snapshot
  const mark = marks.begin(snapshot)?.markOf(0, partitionCount)
  expect(mark).toEqual({ knownAtMs, timeline, partitionCount, previous: undefined })
})

test('a look whose clock is behind the heartbeat is of a later moment than that: copies may have it', () => {
  const marks = new FeedMarks()
  marks.begin(look(1_000, { takenAtMs: 200 }))?.acknowledged(0, 1, 5)
  expect(marks.begin(look(2_000))?.markOf(0, 1).previous).toEqual({ offset: 5, takenAtMs: 1_001 })
})
