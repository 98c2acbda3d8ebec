import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fillSeries, grains, judgeRange, pointsMax, type RangeQuestion } from './stats-range.ts'

const nowMs = Date.parse('2026-06-15T12:34:56Z')
const retention = { minuteDays: 35, hourDays: 400 }
const judge = (question: RangeQuestion) => judgeRange(question, retention, nowMs)
const iso = (ms: number) => new Date(ms).toISOString()

describe('the range of a question', () => {
  it('is the last 30 days, today included, when nothing is said', () => {
    const judged = judge({})
    if (judged.kind === 'invalid') throw new Error(judged.detail)
    expect(judged.range.grain).toBe('day')
    expect(iso(judged.range.fromMs)).toBe('2026-05-17T00:00:00.000Z')
    expect(iso(judged.range.toMs)).toBe('2026-06-16T00:00:00.000Z')
  })

  it('is widened to whole intervals, in UTC whatever the offset', () => {
    const judged = judge({ from: '2026-06-14T10:30:00+02:00', to: '2026-06-14T10:00Z', interval: 'hour' })
    if (judged.kind === 'invalid') throw new Error(judged.detail)
    expect(iso(judged.range.fromMs)).toBe('2026-06-14T08:00:00.000Z')
    expect(iso(judged.range.toMs)).toBe('2026-06-14T10:00:00.000Z')
  })

  it.each([
    ['from', { from: 'yesterday' }],
    ['from', { from: '' }],
    ['from', { from: '2026-02-30' }],
    ['from', { from: '2026-06-14T10:00:00' }],
    ['from', { from: '0001-01-01' }],
    ['to', { to: '12' }],
    ['to', { to: '2026-13-01' }],
    ['to', { to: '9999-01-01' }],
    ['from', { from: '2026-06-15', to: '2026-06-14' }],
    ['from', { from: '2026-06-15', to: '2026-06-15' }],
    ['interval', { interval: 'fortnight' }],
    ['interval', { interval: '' }],
    ['interval', { from: '2001-01-01', to: '2051-01-01', interval: 'minute' }],
    ['from', { from: '2001-01-01' }],
    ['from', { from: '2001-01-01', to: '2051-01-01', interval: 'day', timezone: 'Europe/Berlin' }],
    ['from', { from: '2026-01-01', to: '2026-01-02', interval: 'minute' }],
    ['from', { from: '2024-01-01', to: '2024-01-02', interval: 'hour' }],
  ])('is refused by its field %s: %j', (field, question) => {
    expect(judge(question)).toMatchObject({ kind: 'invalid', field })
  })

  it('holds what was asked for in whole intervals, filled without a gap', () => {
    const moments = fc.integer({ min: nowMs - 30 * 86_400_000, max: nowMs })
    fc.assert(
      fc.property(moments, moments, fc.constantFrom(...grains), (a, b, interval) => {
        fc.pre(a !== b)
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        const judged = judge({ from: iso(from), to: iso(to), interval })
        if (judged.kind === 'invalid') {
          expect(judged.field).toBe('interval')
          return
        }
        const { range } = judged
        const stepMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[interval]
        expect(range.fromMs).toBeLessThanOrEqual(from)
        expect(range.toMs).toBeGreaterThanOrEqual(to)
        expect(from - range.fromMs).toBeLessThan(stepMs)
        expect(range.toMs - to).toBeLessThan(stepMs)
        const points = fillSeries(range, [{ startMs: range.fromMs, humans: 3, bots: 1 }])
        expect(points.length).toBeLessThanOrEqual(pointsMax)
        expect(points.map(({ startMs }) => startMs)).toEqual(
          points.map((_point, index) => range.fromMs + index * stepMs),
        )
        expect(points[0]).toMatchObject({ humans: 3, bots: 1 })
        expect(points.slice(1).every(({ humans, bots }) => humans + bots === 0)).toBe(true)
      }),
    )
  })
})
