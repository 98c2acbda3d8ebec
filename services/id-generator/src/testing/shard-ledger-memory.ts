// The durable counters in memory: a primary that forgets nothing, standbys that lag behind it, and promotions that lose
// what had not arrived. Used by the model of the protocol and held to the same suite as the real adapter.

import type { CodeKey } from '@linkfleet/short-code/code-space'
import type { Lease, Place, ShardLedger, StandbyReading, Standbys } from '../ports.ts'

interface ShardRow {
  nextValue: number
  keyVersion: number
  place: Place
  epoch: number
  expiresAtMs: number
}

export interface Database {
  shards: ShardRow[]
  keys: CodeKey[]
}

export interface MemoryLedger extends ShardLedger {
  readonly standbys: Standbys
  /** Lets a standby see all that is committed so far. */
  replicate(standby: number): void
  silence(standby: number, silent: boolean): void
  /** Makes a standby the primary: what it has not seen is lost, and the other standbys follow it. */
  promote(standby: number): void
  rotateKey(): void
  advanceShards(by: number): void
  /** A copy of what the primary has. */
  state(): Database
  restore(state: Database): void
}

export function createMemoryLedger(options: {
  shardCount: number
  standbyCount: number
  aheadMax: number
  clock: () => number
}): MemoryLedger {
  const { shardCount, standbyCount, aheadMax, clock } = options
  let timeline = 1
  const place = () => `1/${timeline.toString(16).toUpperCase().padStart(8, '0')}`
  const secretOf = (version: number) => new Uint8Array(32).fill(version * 16 + timeline)
  let primary: Database = {
    keys: [{ version: 1, secret: secretOf(1), fromCounter: 0 }],
    shards: Array.from({ length: shardCount }, () => ({
      nextValue: 0,
      keyVersion: 1,
      place: place(),
      epoch: 0,
      expiresAtMs: Number.NEGATIVE_INFINITY,
    })),
  }
  const copies = Array.from({ length: standbyCount }, () => structuredClone(primary))
  const silent = new Set<number>()

  function settle(row: ShardRow): void {
    if (row.place !== place()) row.nextValue += aheadMax
    row.place = place()
  }

  function leaseOf(row: ShardRow, ttlMs: number): Lease {
    row.expiresAtMs = clock() + ttlMs
    settle(row)
    return { shard: primary.shards.indexOf(row), epoch: row.epoch, place: row.place }
  }

  const heldRows = (leases: readonly Lease[]) =>
    leases.flatMap((lease) => {
      const row = primary.shards[lease.shard]!
      return row.epoch === lease.epoch ? [row] : []
    })

  return {
    async acquire({ count, ttlMs, countersMax }) {
      const free = primary.shards
        .filter((row) => row.expiresAtMs < clock() && row.nextValue < countersMax)
        .toSorted((one, other) => one.nextValue - other.nextValue)
      return free.slice(0, count).map((row) => {
        row.epoch += 1
        return leaseOf(row, ttlMs)
      })
    },
    renew: async ({ leases, ttlMs }) => heldRows(leases).map((row) => leaseOf(row, ttlMs)),
    async release(leases) {
      for (const row of heldRows(leases)) {
        row.epoch += 1
        row.expiresAtMs = Number.NEGATIVE_INFINITY
      }
    },
    async reserve({ lease, values, ceiling, countersMax }) {
      const row = primary.shards[lease.shard]!
      if (row.epoch !== lease.epoch) return { kind: 'fenced' }
      if (lease.place !== place() || row.place !== place()) return { kind: 'moved' }
      if (row.nextValue >= countersMax) return { kind: 'used-up' }
      const first = row.nextValue
      const end = Math.min(first + values, countersMax)
      if (end > ceiling) return { kind: 'beyond-ceiling' }
      row.nextValue = end
      return { kind: 'reserved', first, end, keyVersion: row.keyVersion }
    },
    keys: async () => ({ place: place(), keys: primary.keys.slice() }),
    standbys: {
      count: standbyCount,
      read: async (shards) =>
        copies.map((copy, index): StandbyReading => {
          if (silent.has(index)) return { kind: 'silent' }
          return {
            kind: 'standby',
            shards: new Map(shards.map((shard) => [shard, { ...copy.shards[shard]! }])),
          }
        }),
    },
    replicate(standby) {
      copies[standby] = structuredClone(primary)
    },
    silence(standby, isSilent) {
      if (isSilent) silent.add(standby)
      else silent.delete(standby)
    },
    promote(standby) {
      timeline += 1
      primary = structuredClone(copies[standby]!)
      // A standby that was further than the new primary is rewound to it; one that was less far stays where it is.
      for (const [index, copy] of copies.entries()) {
        if (copy.shards.some((row, shard) => row.nextValue > primary.shards[shard]!.nextValue)) {
          copies[index] = structuredClone(primary)
        }
      }
    },
    rotateKey() {
      const fromCounter = Math.max(...primary.shards.map((row) => row.nextValue)) + aheadMax
      const version = primary.keys.at(-1)!.version + 1
      primary.keys = [...primary.keys, { version, secret: secretOf(version), fromCounter }]
      for (const row of primary.shards) Object.assign(row, { nextValue: fromCounter, keyVersion: version })
    },
    advanceShards(by) {
      for (const row of primary.shards) row.nextValue += by
    },
    state: () => structuredClone(primary),
    restore(state) {
      primary = state
    },
  }
}
