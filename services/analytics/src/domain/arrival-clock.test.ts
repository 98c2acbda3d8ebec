import { expect, test } from 'vitest'
import { click, message, noon, producerId, record } from '../testing/clicks.ts'
import { arrivedByMs } from './arrival-clock.ts'

const hourMs = 3_600_000
const latestMs = noon + 100 * hourMs
const of = (timestampMs: number, atMs: number) =>
  record(0, message(producerId(1), [click({ atMs })]), timestampMs)

test.each([
  ['the latest time that a record tells', [of(noon + hourMs, noon), of(noon, noon)], 0, noon + hourMs],
  ['no time before what lies before', [of(noon, noon)], noon + hourMs, noon + hourMs],
  ['the time of a click whose record tells none', [of(0, noon)], 0, noon],
  ['no time to come', [of(latestMs + 1, noon)], 0, noon],
  ['no click that is yet to come', [of(0, latestMs + hourMs)], 0, latestMs],
  ['nothing of what cannot be read', [record(0, Buffer.from('junk'), noon)], 0, noon],
  ['no clock before it that is too late', [of(noon, noon)], latestMs + 1, latestMs],
])('the clock of records is %s', (_what, records, beforeMs, clockMs) => {
  expect(arrivedByMs(records, beforeMs, latestMs)).toBe(clockMs)
})

test('a batch of any number of records has a clock', () => {
  const records = Array.from({ length: 200_000 }, (_none, offset) => record(offset, null, noon + offset))
  expect(arrivedByMs(records, 0, latestMs)).toBe(noon + 199_999)
})
