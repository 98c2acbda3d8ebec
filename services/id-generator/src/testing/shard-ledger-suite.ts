// What every ledger must do: held over the double in memory and over Postgres alike.

import { describe, expect, test } from 'vitest'
import type { Lease, ShardLedger } from '../ports.ts'

const COUNTERS_MAX = 10_000_000
const LONG_TTL_MS = 60_000

export function describeShardLedger(
  name: string,
  open: () => Promise<{ ledger: ShardLedger; expireLeases: () => Promise<void> } & AsyncDisposable>,
): void {
  const lease = (ledger: ShardLedger, owner: string, count: number) =>
    ledger.acquire({ owner, count, ttlMs: LONG_TTL_MS, countersMax: COUNTERS_MAX })
  const reserve = (ledger: ShardLedger, held: Lease, values: number, limits = {}) =>
    ledger.reserve({
      lease: held,
      values,
      ceiling: Number.MAX_SAFE_INTEGER,
      countersMax: COUNTERS_MAX,
      ...limits,
    })

  describe(`shard ledger: ${name}`, () => {
    test('leases each shard to one holder at a time', async () => {
      await using world = await open()
      const [mine, yours] = await Promise.all([lease(world.ledger, 'me', 2), lease(world.ledger, 'you', 2)])
      expect(new Set([...mine, ...yours].map(({ shard }) => shard)).size).toBe(4)
    })

    test('gives one holder blocks that follow each other without overlap', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const first = await reserve(world.ledger, held!, 100)
      const second = await reserve(world.ledger, held!, 50)
      expect(first).toMatchObject({ kind: 'reserved', keyVersion: 1 })
      if (first.kind !== 'reserved') return
      expect(first.end - first.first).toBe(100)
      expect(second).toMatchObject({ kind: 'reserved', first: first.end, end: first.end + 50 })
    })

    test('gives two users of one lease disjoint blocks, even at once', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const blocks = await Promise.all(Array.from({ length: 8 }, () => reserve(world.ledger, held!, 10)))
      const starts = blocks.map((block) => (block.kind === 'reserved' ? block.first : Number.NaN))
      expect(starts.toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 8 }, (_, index) => Math.min(...starts) + index * 10),
      )
    })

    test('fences a former holder once its lease ran out and another has the shard', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const before = await reserve(world.ledger, held!, 10)
      await world.expireLeases()
      const everything = await lease(world.ledger, 'you', 1_024)
      const taken = everything.find(({ shard }) => shard === held!.shard)!
      expect(taken.epoch).toBeGreaterThan(held!.epoch)
      expect(await reserve(world.ledger, held!, 10)).toEqual({ kind: 'fenced' })
      expect(await world.ledger.renew({ leases: [held!], ttlMs: LONG_TTL_MS })).toEqual([])
      expect(await reserve(world.ledger, taken, 10)).toMatchObject({
        kind: 'reserved',
        first: before.kind === 'reserved' ? before.end : Number.NaN,
      })
    })

    test('lets a shard go at once when its lease is given back, and fences who gave it', async () => {
      await using world = await open()
      const everything = await lease(world.ledger, 'me', 1_024)
      expect(await lease(world.ledger, 'you', 1)).toEqual([])
      await world.ledger.release([everything[0]!])
      expect(await lease(world.ledger, 'you', 2)).toMatchObject([{ shard: everything[0]!.shard }])
      expect(await reserve(world.ledger, everything[0]!, 10)).toEqual({ kind: 'fenced' })
    })

    test('keeps a renewed lease, whose epoch stays', async () => {
      await using world = await open()
      const held = await lease(world.ledger, 'me', 3)
      const renewed = await world.ledger.renew({ leases: held, ttlMs: LONG_TTL_MS })
      expect(renewed.toSorted((one, other) => one.shard - other.shard)).toEqual(
        held.toSorted((one, other) => one.shard - other.shard),
      )
    })

    test('reserves no block that would end beyond the ceiling', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const block = await reserve(world.ledger, held!, 10)
      const end = block.kind === 'reserved' ? block.end : Number.NaN
      expect(await reserve(world.ledger, held!, 10, { ceiling: end + 9 })).toEqual({ kind: 'beyond-ceiling' })
      expect(await reserve(world.ledger, held!, 10, { ceiling: end + 10 })).toMatchObject({
        kind: 'reserved',
      })
    })

    test('reserves a shorter last block, and then says that the shard is used up', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const block = await reserve(world.ledger, held!, 10)
      const countersMax = block.kind === 'reserved' ? block.end + 3 : Number.NaN
      expect(await reserve(world.ledger, held!, 10, { countersMax })).toMatchObject({ end: countersMax })
      expect(await reserve(world.ledger, held!, 10, { countersMax })).toEqual({ kind: 'used-up' })
      await world.ledger.release([held!])
      const others = await world.ledger.acquire({
        owner: 'you',
        count: 1_024,
        ttlMs: LONG_TTL_MS,
        countersMax,
      })
      expect(others.map(({ shard }) => shard)).not.toContain(held!.shard)
    })

    test('answers a lease of another place with moved', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      expect(await reserve(world.ledger, { ...held!, place: '1/FFFFFFFF' }, 10)).toEqual({ kind: 'moved' })
    })

    test('has a first key that counts from the first value, at the place of the leases', async () => {
      await using world = await open()
      const [held] = await lease(world.ledger, 'me', 1)
      const { place, keys } = await world.ledger.keys()
      expect(place).toBe(held!.place)
      expect(keys).toMatchObject([{ version: 1, fromCounter: 0 }])
      expect(keys[0]!.secret).toHaveLength(32)
    })
  })
}
