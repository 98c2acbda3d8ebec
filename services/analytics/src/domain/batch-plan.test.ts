import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { click, message, noon, producerId, record, run } from '../testing/clicks.ts'
import { decodeRecords, encodeRecords } from './archive/batch-codec.ts'
import {
  digestOf,
  type PartitionState,
  planBatch,
  producersOf,
  readInBatches,
  readRecords,
  timestampMsOf,
  waitingSinceMs,
} from './batch-plan.ts'
import { clickAgeMsMax } from './marks.ts'

const human = () => ({ isBot: false, browser: '', operatingSystem: '', device: '' })
const nothingKnown: PartitionState = { marks: new Map(), setAside: new Set() }
const first = producerId(1)
const second = producerId(2)

function plan(values: readonly (Buffer | null)[], state = nothingKnown) {
  const records = values.map((value, index) => record(100 + index, value))
  return planBatch(readRecords(records, noon), state, noon, human)
}

it.each(['-9223372036854775808', '-1', '0', '9223372036854775807'])(
  'the time %s of a record becomes one that a database and an archive can hold',
  (timestamp) => {
    const timestampMs = timestampMsOf(timestamp)
    expect(Number.isNaN(new Date(timestampMs).getTime())).toBe(false)
    const records = [{ offset: 0, timestampMs, value: Buffer.from('any') }]
    expect(decodeRecords(encodeRecords(records))).toEqual(records)
  },
)

describe('the plan of a batch', () => {
  it('raises the mark of each producer to its last sequence', () => {
    const planned = plan([message(first, run(1, 3)), message(second, run(8, 9)), message(first, run(4, 5))])
    expect(planned.marks).toEqual([
      [first.toString('hex'), 5],
      [second.toString('hex'), 9],
    ])
    expect(planned.nextOffset).toBe(103)
    expect(planned.counts).toMatchObject({ humans: 7, duplicates: 0 })
  })

  it('counts only what is above the marks, those that this batch raised included', () => {
    const state = { ...nothingKnown, marks: new Map([[first.toString('hex'), 2]]) }
    const planned = plan([message(first, run(1, 4)), message(first, run(3, 6))], state)
    expect(planned.counts).toMatchObject({ humans: 4, duplicates: 4 })
  })

  it('leaves marks alone that do not rise', () => {
    const state = { ...nothingKnown, marks: new Map([[first.toString('hex'), 50]]) }
    expect(plan([message(first, run(1, 4))], state).marks).toEqual([])
  })

  it('refuses clicks that are older than their marks may be', () => {
    const tooOld = click({ sequence: 1, atMs: noon - clickAgeMsMax - 1 })
    const justYoung = click({ sequence: 2, atMs: noon - clickAgeMsMax })
    expect(plan([message(first, [tooOld, justYoung])]).counts).toMatchObject({ humans: 1, refused: 1 })
  })

  it('sets a message with a bad click aside with what was counted before it, and counts nothing of it', () => {
    const bad = message(first, [...run(3, 5), click({ sequence: 6, code: '' })])
    const planned = plan([message(first, run(1, 4)), bad, message(first, run(5, 7))])
    expect(planned.deadLetters).toMatchObject([
      { offset: 101, producer: first.toString('hex'), countedThrough: 4, reason: 'click', value: bad },
    ])
    // 5 and 6 belong to what was set aside.
    expect(planned.counts).toMatchObject({ humans: 5, duplicates: 2 })
    expect(planned.marks).toEqual([[first.toString('hex'), 7]])
  })

  it('does not set aside again what comes again after its replay', () => {
    const bad = message(first, [click({ sequence: 6, code: '' })])
    const state = { ...nothingKnown, marks: new Map([[first.toString('hex'), 6]]) }
    expect(plan([bad], state).deadLetters).toEqual([])
  })

  it('does not count what was set aside, should it have become readable', () => {
    const value = message(first, run(1, 4))
    const state = { ...nothingKnown, setAside: new Set([digestOf(record(0, value))]) }
    expect(plan([value], state).counts).toMatchObject({ humans: 0, duplicates: 4 })
  })

  it('asks for the marks of every producer in it', () => {
    const bad = message(second, [click({ code: '' })])
    const records = readRecords([record(1, message(first, run(1, 1))), record(2, bad)], noon)
    expect(producersOf(records)).toEqual([first.toString('hex'), second.toString('hex')])
  })

  it('knows the oldest click that it counts, not one that came again or is refused', () => {
    const clicks = [
      click({ sequence: 1, atMs: noon - 9_000 }),
      click({ sequence: 2, atMs: noon - 5_000 }),
      click({ sequence: 3, atMs: Date.UTC(2020, 5) }),
      click({ sequence: 4, atMs: noon - 1_000 }),
    ]
    const state = { ...nothingKnown, marks: new Map([[first.toString('hex'), 1]]) }
    expect(plan([message(first, clicks), null], state).oldestCountedMs).toBe(noon - 5_000)
    expect(plan([message(first, clicks.slice(2, 3))]).oldestCountedMs).toBeUndefined()
    expect(plan([null]).oldestCountedMs).toBeUndefined()
  })

  it('knows since when its records wait, whatever the age of their clicks', () => {
    const old = message(first, [click({ sequence: 1, atMs: Date.UTC(2020, 5) }), click({ sequence: 2 })])
    const since = (...timestampsMs: number[]) =>
      waitingSinceMs(
        readRecords([...timestampsMs.map((ms, at) => record(at, old, ms)), record(9, null, 0)], noon),
      )
    expect(since(noon, noon - 3_000)).toBe(noon - 3_000)
    expect(waitingSinceMs(readRecords([record(0, message(first, run(1, 1)), 0)], noon))).toBe(noon)
    expect(since()).toBeUndefined()
  })

  it('gives the same sums however the log is cut into batches', () => {
    const values = fc.array(
      fc.record({
        producer: fc.integer({ min: 1, max: 2 }),
        from: fc.integer({ min: 1, max: 30 }),
        to: fc.nat(8),
      }),
      { minLength: 1, maxLength: 20 },
    )
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 5 }), (sends, batchSize) => {
        const log = sends.map(({ producer, from, to }, offset) =>
          record(offset, message(producerId(producer), run(from, from + to))),
        )
        const countedOf = (size: number) => {
          const marks = new Map<string, number>()
          let humans = 0
          for (let at = 0; at < log.length; at += size) {
            const planned = planBatch(
              readRecords(log.slice(at, at + size), noon),
              { marks, setAside: new Set() },
              noon,
              human,
            )
            humans += planned.counts.humans
            for (const [producer, mark] of planned.marks) marks.set(producer, mark)
          }
          return humans
        }
        expect(countedOf(batchSize)).toBe(countedOf(log.length))
      }),
    )
  })

  it('is of a bounded number of clicks, whatever was delivered', () => {
    const records = Array.from({ length: 7 }, (_none, index) =>
      record(index, index === 4 ? null : message(first, run(index * 10 + 1, index * 10 + 10))),
    )
    const batches = [...readInBatches(records, noon, () => 25)]
    expect(batches.map((batch) => batch.map((one) => one.record.offset))).toEqual([
      [0, 1, 2],
      // One that is set aside counts as many.
      [3, 4],
      [5, 6],
    ])
    expect([...readInBatches([], noon, () => 25)]).toEqual([])
  })

  it('has a bound also where all is to be set aside', () => {
    const flood = Array.from({ length: 1_000 }, (_none, offset) => record(offset, Buffer.from('junk')))
    const batches = [...readInBatches(flood, noon, () => 250)]
    expect(batches.map((batch) => batch.length)).toEqual(Array.from({ length: 100 }, () => 10))
  })
})
