import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUserAgentClassifier } from '../adapters/user-agents.ts'
import { chrome, click, googlebot, message, noon, producerId } from '../testing/clicks.ts'
import { readClickMessage } from './click-message.ts'
import { RollupBuilder } from './rollup.ts'
import { packedName, traitIds } from './traits.ts'

function rollupOf(fields: Parameters<typeof click>[0][]) {
  const clicks = fields.map((each, index) => click({ ...each, sequence: index + 1 }))
  const read = readClickMessage(message(producerId(1), clicks), noon)
  if (read.kind !== 'clicks') throw new Error(`The clicks are valid: ${read.reason}`)
  const builder = new RollupBuilder(createUserAgentClassifier())
  for (const each of read.clicks) builder.add(each)
  return builder.build()
}

const sum = (rows: readonly { humans: number; bots: number }[]) =>
  rows.reduce((total, { humans, bots }) => total + humans + bots, 0)

describe('a rollup', () => {
  it('tells people and robots apart, and knows the first and last click', () => {
    const { totals } = rollupOf([
      { userAgent: chrome, atMs: noon - 5 },
      { userAgent: googlebot, atMs: noon - 9 },
      { userAgent: '', atMs: noon - 1 },
    ])
    expect(totals).toEqual([
      { domainId: 1, code: 'abc1234', humans: 1, bots: 2, orphans: 0, firstMs: noon - 9, lastMs: noon - 1 },
    ])
  })

  it('names what is known of a click and leaves out what is not', () => {
    const { traits } = rollupOf([
      { country: 'DE', referrerHost: 'news.example', language: 'de-AT', userAgent: chrome },
      { country: 'de', referrerHost: 'not a host', language: '*', userAgent: 'curl/8.9.1' },
    ])
    const one = { humans: 1, bots: 0 }
    expect(traits.map(({ values }) => values)).toEqual([
      new Map([
        [packedName(traitIds.country, 'DE'), one],
        [packedName(traitIds.referrer, 'news.example'), one],
        [packedName(traitIds.browser, 'Chrome'), one],
        [packedName(traitIds.operatingSystem, 'Windows'), one],
        [packedName(traitIds.device, 'desktop'), one],
        [packedName(traitIds.language, 'de'), one],
      ]),
    ])
  })

  it('of a hot link is one row of each kind, however many clicks it got', () => {
    const rollup = rollupOf(Array.from({ length: 2_000 }, () => ({ country: 'DE', userAgent: chrome })))
    expect(rollup.totals).toHaveLength(1)
    expect(rollup.series.map(({ grainSeconds, humans }) => [grainSeconds, humans])).toEqual([
      [60, 2_000],
      [3_600, 2_000],
      [86_400, 2_000],
    ])
    expect(rollup.traits).toHaveLength(1)
    expect(rollup.recents).toHaveLength(1)
  })

  it('keeps orphan clicks out of totals and series', () => {
    const rollup = rollupOf([
      { kind: 2, orphanReason: 3 },
      { kind: 2, orphanReason: 1, code: 'guess' },
    ])
    expect(rollup.totals).toMatchObject([{ code: 'abc1234', humans: 0, bots: 0, orphans: 1, firstMs: null }])
    expect(rollup.series).toEqual([])
    expect(rollup.fleet.every(({ orphans, humans }) => orphans === 2 && humans === 0)).toBe(true)
    expect(rollup.orphans.map(({ reason, clicks }) => [reason, clicks])).toEqual([
      [1, 1],
      [3, 1],
    ])
  })

  it('has parts that add up, in the order in which rows are locked', () => {
    const clicks = fc.array(
      fc.record({
        code: fc.constantFrom('b', 'a', 'A', 'z9'),
        domainId: fc.integer({ min: 1, max: 2 }),
        atMs: fc.integer({ min: noon - 3 * 86_400_000, max: noon }),
        userAgent: fc.constantFrom(chrome, googlebot, ''),
      }),
      { minLength: 1, maxLength: 60 },
    )
    fc.assert(
      fc.property(clicks, (fields) => {
        const { totals, series, fleet } = rollupOf(fields)
        expect(sum(totals)).toBe(fields.length)
        for (const grain of [60, 3_600, 86_400]) {
          expect(sum(series.filter(({ grainSeconds }) => grainSeconds === grain))).toBe(fields.length)
          expect(sum(fleet.filter(({ grainSeconds }) => grainSeconds === grain))).toBe(fields.length)
        }
        const keys = totals.map(({ domainId, code }) => `${domainId} ${code}`)
        expect(keys).toEqual([...new Set(keys)].sort())
      }),
    )
  })
})
