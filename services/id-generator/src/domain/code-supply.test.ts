import { createCodeSpace } from '@linkfleet/short-code/code-space'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCodeSupply } from './code-supply.ts'
import { fleetRules } from './rules.ts'

const spaceOf = (isReserved: (code: string) => boolean = () => false) =>
  createCodeSpace({
    shardCount: 4,
    lengths: [5],
    keys: [{ version: 1, fromCounter: 0, secret: new Uint8Array(32) }],
    isReserved,
  })
const space = spaceOf()
const rules = { ...fleetRules, blockValuesAtStart: 4_096, blockValuesMin: 1_024, blockValuesMax: 16_384 }

/** Uses up a whole block in the given time and tells the size that the next one should have. */
function nextBlockValues(
  supply: ReturnType<typeof createCodeSupply>,
  startMs: number,
  usedMs: number,
): number {
  supply.add({ shard: 0, first: 0, end: 8, space }, startMs)
  supply.take(8, startMs + usedMs)
  return supply.blockValues
}

describe('the supply of codes', () => {
  test('hands out each code of its blocks once and in order, however calls are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6_000 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 40 }),
        (blockSizes, counts) => {
          const supply = createCodeSupply(rules)
          let end = 0
          for (const size of blockSizes) {
            supply.add({ shard: 1, first: end, end: end + size, space }, 0)
            end += size
          }
          const taken: string[] = []
          for (const count of counts) {
            const before = supply.codesLeft
            const codes = supply.take(count, 0)
            expect(codes === undefined).toBe(before < count)
            expect(codes?.length ?? count).toBe(count)
            expect(supply.codesLeft).toBe(before - (codes?.length ?? 0))
            taken.push(...(codes ?? []))
          }
          const everything: string[] = []
          for (let at = 0; at < end; at += 5_000)
            everything.push(...space.codes(1, at, Math.min(end, at + 5_000)))
          expect(taken).toEqual(everything.slice(0, taken.length))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('takes nothing when it has too few, and has them still for a smaller call', () => {
    const supply = createCodeSupply(rules)
    supply.add({ shard: 0, first: 0, end: 10, space }, 0)
    expect(supply.take(11, 0)).toBeUndefined()
    expect(supply.take(10, 0)).toEqual(space.codes(0, 0, 10))
    expect(supply.take(1, 0)).toBeUndefined()
  })

  test('fills a call from further values when reserved words were skipped', () => {
    const reserved = space.codes(0, 2, 3)[0]
    const supply = createCodeSupply(rules)
    supply.add({ shard: 0, first: 0, end: 5, space: spaceOf((code) => code === reserved) }, 0)
    const all = space.codes(0, 0, 5)
    expect(supply.take(4, 0)).toEqual(all.filter((code) => code !== reserved))
  })

  test('wants a block in reserve beside the one in use', () => {
    const supply = createCodeSupply(rules)
    supply.add({ shard: 0, first: 0, end: 10_000, space }, 0)
    expect(supply.wantsBlock).toBe(true)
    supply.add({ shard: 0, first: 10_000, end: 20_000, space }, 0)
    expect(supply.wantsBlock).toBe(false)
    for (let call = 0; call < 11; call += 1) supply.take(1_000, 0)
    expect(supply.wantsBlock).toBe(true)
  })

  test('doubles blocks that are used up within a minute, up to the largest', () => {
    const supply = createCodeSupply(rules)
    expect(supply.blockValues).toBe(4_096)
    expect(nextBlockValues(supply, 0, 60_000)).toBe(8_192)
    expect(nextBlockValues(supply, 100_000, 1)).toBe(16_384)
    expect(nextBlockValues(supply, 200_000, 1)).toBe(16_384)
  })

  test('halves blocks that last longer than ten minutes, down to the smallest, and leaves others', () => {
    const supply = createCodeSupply(rules)
    expect(nextBlockValues(supply, 0, 60_001)).toBe(4_096)
    expect(nextBlockValues(supply, 1_000_000, 600_000)).toBe(4_096)
    expect(nextBlockValues(supply, 2_000_000, 600_001)).toBe(2_048)
    expect(nextBlockValues(supply, 3_000_000, 600_001)).toBe(1_024)
    expect(nextBlockValues(supply, 4_000_000, 600_001)).toBe(1_024)
  })
})
