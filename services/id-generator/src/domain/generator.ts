// One instance's part of the protocol. An upkeep round holds leases on some shards, watches the standbys, and reserves
// blocks before they are needed; `take` hands out codes of reserved blocks and asks nobody.
//
// What makes codes unique is the committed reservation alone. Leases only keep instances out of each other's way: one
// that lost its lease goes on with the blocks it has, and can reserve no further ones of that shard.

import { type CodeSpace, createCodeSpace } from '@linkfleet/short-code/code-space'
import type { Lease, Place, Reservation, ShardLedger, Standbys } from '../ports.ts'
import { type CodeSupply, createCodeSupply } from './code-supply.ts'
import type { ProtocolRules } from './rules.ts'
import { createStandbyFloor } from './standby-floor.ts'

export type ReservationKind = Reservation['kind']

export interface GeneratorOptions {
  readonly ledger: ShardLedger
  readonly standbys: Standbys
  /** Unique for each start of each instance. */
  readonly owner: string
  readonly shardCount: number
  readonly codeLengths: readonly number[]
  readonly isReserved: (code: string) => boolean
  readonly leasesWanted: number
  readonly leaseTtlMs: number
  readonly rules: ProtocolRules
  readonly onReservation: (kind: ReservationKind) => void
}

export interface Generator {
  /** `count` codes that nobody else has or will have, or undefined when fewer are at hand. */
  take(count: number, nowMs: number): string[] | undefined
  readonly wantsBlock: boolean
  /** One round; rounds must not overlap. `clock` gives the time at each step. Throws when the ledger does. */
  upkeep(clock: () => number): Promise<void>
  /** Gives all leases back. Blocks that are at hand stay usable, and are burnt with the process. */
  handOver(): Promise<void>
  status(): { leases: number; blocks: number; codes: number; blockValues: number }
}

export function createGenerator(options: GeneratorOptions): Generator {
  const { ledger, standbys, rules, leaseTtlMs } = options
  const supply = createCodeSupply(rules)
  const floor = createStandbyFloor(standbys.count, rules)
  const renewEveryMs = leaseTtlMs / 3
  let leases: Lease[] = []
  /** By shard: where the codes of the length end for which it was leased, and what was reserved on it since. */
  const turns = new Map<number, { readonly end: number; reserved: number }>()
  let renewedAtMs = Number.NEGATIVE_INFINITY
  let known: { space: CodeSpace; place: Place } | undefined

  async function loadSpace() {
    const { place, keys } = await ledger.keys()
    const { shardCount, codeLengths: lengths, isReserved } = options
    known = { place, space: createCodeSpace({ shardCount, lengths, keys, isReserved }) }
    return known
  }

  async function holdLeases(space: CodeSpace, nowMs: number): Promise<void> {
    if (leases.length > 0 && nowMs - renewedAtMs >= renewEveryMs) {
      leases = await ledger.renew({ leases, ttlMs: leaseTtlMs })
      renewedAtMs = nowMs
    }
    const wasWithout = leases.length === 0
    // Longer codes only when no shard that is free has shorter ones left.
    for (const end of space.lengthEnds) {
      const count = options.leasesWanted - leases.length
      if (count <= 0) break
      const { owner } = options
      const acquired = await ledger.acquire({ owner, count, ttlMs: leaseTtlMs, countersMax: end })
      for (const { shard } of acquired) turns.set(shard, { end, reserved: 0 })
      leases = [...leases, ...acquired]
    }
    if (wasWithout && leases.length > 0) renewedAtMs = nowMs
  }

  /** In each round, also in those that reserve nothing: how long a standby has been silent is known by looking only. */
  async function watchStandbys(clock: () => number): Promise<void> {
    if (standbys.count === 0) return
    const askedMs = clock()
    floor.observe(await standbys.read(leases.map(({ shard }) => shard)), askedMs, clock())
  }

  /** The place and the version tell together which keys there are: a lost rotation may be made again elsewhere. */
  async function spaceFor(place: Place, keyVersion: number): Promise<CodeSpace> {
    const fits = (at: typeof known) => at?.place === place && at.space.newestKeyVersion >= keyVersion
    const current = known !== undefined && fits(known) ? known : await loadSpace()
    if (!fits(current)) throw new Error('the database moved while a block was reserved, which is burnt')
    return current.space
  }

  async function reserveBlock(lease: Lease, clock: () => number): Promise<void> {
    const turn = turns.get(lease.shard)
    if (turn === undefined) throw new Error(`shard ${lease.shard} is leased without a turn`)
    const ceiling = floor.ceiling(lease)
    const reservation: Reservation =
      ceiling === undefined
        ? { kind: 'beyond-ceiling' }
        : await ledger.reserve({ lease, values: supply.blockValues, ceiling, countersMax: turn.end })
    options.onReservation(reservation.kind)
    if (reservation.kind === 'reserved') {
      const { first, end, keyVersion } = reservation
      const space = await spaceFor(lease.place, keyVersion)
      supply.add({ shard: lease.shard, first, end, space }, clock())
      turn.reserved += end - first
      if (turn.reserved >= rules.turnValues) await giveBack(lease)
    } else if (reservation.kind === 'moved') {
      // The next round renews, which tells the new place and skips what may have been lost on the way there.
      renewedAtMs = Number.NEGATIVE_INFINITY
    } else if (reservation.kind === 'fenced') {
      leases = leases.filter((held) => held !== lease)
    } else if (reservation.kind === 'used-up') {
      await giveBack(lease)
    }
  }

  async function giveBack(lease: Lease): Promise<void> {
    leases = leases.filter((held) => held !== lease)
    await ledger.release([lease])
  }

  return {
    take: (count, nowMs) => supply.take(count, nowMs),
    get wantsBlock() {
      return supply.wantsBlock
    },
    async upkeep(clock) {
      const { space } = known ?? (await loadSpace())
      await holdLeases(space, clock())
      await watchStandbys(clock)
      // Each lease is tried once a round, in turn, so that no shard runs far ahead of its standbys.
      for (const lease of leases.slice()) {
        if (!supply.wantsBlock) break
        leases = [...leases.filter((held) => held !== lease), lease]
        await reserveBlock(lease, clock)
      }
    },
    async handOver() {
      const held = leases
      leases = []
      if (held.length > 0) await ledger.release(held)
    },
    status: () => statusOf(supply, leases.length),
  }
}

function statusOf(supply: CodeSupply, leases: number) {
  return { leases, blocks: supply.blocksLeft, codes: supply.codesLeft, blockValues: supply.blockValues }
}
