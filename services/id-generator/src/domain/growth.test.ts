import { describe, expect, test } from 'vitest'
import { createMemoryLedger } from '../testing/shard-ledger-memory.ts'
import { createGenerator } from './generator.ts'
import { fleetRules } from './rules.ts'

const SHARDS = 2
const AHEAD_MAX = 16

test('when the short codes are used up the longer ones follow, and at the end of those there are none', async () => {
  const ledger = createMemoryLedger({
    shardCount: SHARDS,
    standbyCount: 0,
    aheadMax: AHEAD_MAX,
    clock: () => 0,
  })
  const blocks = { blockValuesMin: 4, blockValuesMax: 64, blockValuesAtStart: 20 }
  const generator = createGenerator({
    ledger,
    standbys: ledger.standbys,
    owner: 'growing',
    shardCount: SHARDS,
    codeLengths: [1, 2],
    isReserved: (code) => code === 'a' || code === 'bb',
    leasesWanted: SHARDS,
    leaseTtlMs: 1_000,
    rules: { ...fleetRules, ...blocks, aheadMax: AHEAD_MAX },
    onReservation: () => {},
  })
  const codes: string[] = []
  for (let idleRounds = 0; idleRounds < 3; ) {
    await generator.upkeep(() => 0)
    const before = codes.length
    for (let taken = generator.take(1, 0); taken !== undefined; taken = generator.take(1, 0)) {
      codes.push(...taken)
    }
    idleRounds = codes.length === before ? idleRounds + 1 : 0
  }
  expect(codes).toHaveLength(62 - 1 + 62 ** 2 - 1)
  expect(new Set(codes).size).toBe(codes.length)
  const lastShort = codes.findLastIndex((code) => code.length === 1)
  // Each shard changes over where its own counter does, so around the change both lengths come out.
  expect(lastShort).toBeLessThan(62 + SHARDS * blocks.blockValuesMax * 2)
  expect(generator.status()).toMatchObject({ leases: 0, blocks: 0, codes: 0 })
})

describe('one generator of many shards', () => {
  const shardCount = 16
  const start = (turnValues: number) => {
    const ledger = createMemoryLedger({ shardCount, standbyCount: 0, aheadMax: AHEAD_MAX, clock: () => 0 })
    const generator = createGenerator({
      ledger,
      standbys: ledger.standbys,
      owner: 'alone',
      shardCount,
      codeLengths: [2, 3],
      isReserved: () => false,
      leasesWanted: 1,
      leaseTtlMs: 1_000,
      rules: {
        ...fleetRules,
        turnValues,
        blockValuesMin: 4,
        blockValuesMax: 16,
        blockValuesAtStart: 8,
        aheadMax: AHEAD_MAX,
      },
      onReservation: () => {},
    })
    return { ledger, generator }
  }

  test.each([8, 64, 1_000_000])(
    'uses up the short codes of all before it makes longer ones, turns of %d',
    async (turnValues) => {
      const { generator } = start(turnValues)
      let short = 0
      for (let length = 2; length === 2; ) {
        await generator.upkeep(() => 0)
        for (let taken = generator.take(1, 0); taken !== undefined; taken = generator.take(1, 0)) {
          length = taken[0]?.length ?? 0
          if (length === 2) short += 1
          else break
        }
      }
      // The few numbers that do not divide evenly among the shards are never used.
      expect(short).toBe(Math.floor(62 ** 2 / shardCount) * shardCount)
    },
  )

  test('keeps its shards together, so that a rotation of the key moves none far', async () => {
    const { ledger, generator } = start(16)
    for (let round = 0; round < 200; round++) {
      await generator.upkeep(() => 0)
      while (generator.take(1, 0) !== undefined);
    }
    const counters = ledger.state().shards.map(({ nextValue }) => nextValue)
    expect(Math.max(...counters) - Math.min(...counters)).toBeLessThanOrEqual(16 + 16)
  })
})
