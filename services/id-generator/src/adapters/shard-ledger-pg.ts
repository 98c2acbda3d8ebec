// The durable counters in Postgres, schema `ids`. Each method is one statement, and so one transaction: the client's
// promise resolves on ReadyForQuery, which the server sends after the commit, not when the first row arrives.

import type { Pool, Query } from '@linkfleet/runtime/postgres'
import type { CodeKey } from '@linkfleet/short-code/code-space'
import { AHEAD_MAX } from '../domain/rules.ts'
import type { Lease, Place, Reservation, ReserveRequest, ShardLedger } from '../ports.ts'

type LeaseRow = { shard: number; epoch: number; place: Place }
type KeyRow = { version: number; secret: Buffer; fromCounter: number; place: Place }
type BlockRow = { first: number; end: number; keyVersion: number }
type ShardRow = { epoch: number; nextValue: number; here: boolean }

// At a new place a shard first skips what the replica that is now the primary may never have received.
const settle = `
  next_value = held.next_value + CASE WHEN held.place = here.place THEN 0 ELSE ${AHEAD_MAX} END,
  place = here.place`

const acquireLeases = `
  WITH free AS (
    SELECT shard FROM ids.shards
    WHERE (lease_expires_at IS NULL OR lease_expires_at < clock_timestamp()) AND next_value < $4
    ORDER BY next_value, shard LIMIT $2
    FOR UPDATE SKIP LOCKED
  ), here AS MATERIALIZED (SELECT ids.place() AS place)
  UPDATE ids.shards AS held SET ${settle},
    lease_owner = $1,
    lease_epoch = held.lease_epoch + 1,
    lease_expires_at = clock_timestamp() + $3 * interval '1 millisecond'
  FROM free, here WHERE held.shard = free.shard
  RETURNING held.shard, held.lease_epoch AS epoch, held.place`

const renewLeases = `
  WITH here AS MATERIALIZED (SELECT ids.place() AS place)
  UPDATE ids.shards AS held SET ${settle},
    lease_expires_at = clock_timestamp() + $3 * interval '1 millisecond'
  FROM here, unnest($1::int[], $2::bigint[]) AS mine(shard, epoch)
  WHERE held.shard = mine.shard AND held.lease_epoch = mine.epoch
  RETURNING held.shard, held.lease_epoch AS epoch, held.place`

const releaseLeases = `
  UPDATE ids.shards AS held SET lease_owner = NULL, lease_epoch = held.lease_epoch + 1, lease_expires_at = NULL
  FROM unnest($1::int[], $2::bigint[]) AS mine(shard, epoch)
  WHERE held.shard = mine.shard AND held.lease_epoch = mine.epoch`

const reserveBlock = `
  UPDATE ids.shards SET next_value = LEAST(next_value + $4, $6)
  WHERE shard = $1 AND lease_epoch = $2 AND place = $3 AND place = (SELECT ids.place())
    AND next_value < $6 AND LEAST(next_value + $4, $6) <= $5
  RETURNING old.next_value AS first, new.next_value AS end, key_version AS "keyVersion"`

const whyNot = `
  SELECT lease_epoch AS epoch, next_value AS "nextValue", place = $2 AND place = ids.place() AS here
  FROM ids.shards WHERE shard = $1`

const selectKeys = `
  SELECT version, secret, from_counter AS "fromCounter", ids.place() AS place FROM ids.keys ORDER BY version`

export function createShardLedgerPg(pool: Pool): ShardLedger {
  const leaseColumns = (leases: readonly Lease[]) => [
    leases.map(({ shard }) => shard),
    leases.map(({ epoch }) => epoch),
  ]
  async function leased(query: Query): Promise<Lease[]> {
    const { rows } = await pool.query<LeaseRow>(query)
    return rows
  }

  async function explainRefusal({ lease, countersMax }: ReserveRequest): Promise<Reservation> {
    const { rows } = await pool.query<ShardRow>({
      name: 'ids-why-not',
      text: whyNot,
      values: [lease.shard, lease.place],
    })
    const row = rows[0]
    if (row === undefined || row.epoch !== lease.epoch) return { kind: 'fenced' }
    if (!row.here) return { kind: 'moved' }
    return { kind: row.nextValue >= countersMax ? 'used-up' : 'beyond-ceiling' }
  }

  return {
    acquire: ({ owner, count, ttlMs, countersMax }) =>
      leased({ name: 'ids-acquire', text: acquireLeases, values: [owner, count, ttlMs, countersMax] }),
    renew: ({ leases, ttlMs }) =>
      leased({ name: 'ids-renew', text: renewLeases, values: [...leaseColumns(leases), ttlMs] }),
    async release(leases) {
      await pool.query({ name: 'ids-release', text: releaseLeases, values: leaseColumns(leases) })
    },
    async reserve(request) {
      const { lease, values, ceiling, countersMax } = request
      const { rows } = await pool.query<BlockRow>({
        name: 'ids-reserve',
        text: reserveBlock,
        values: [lease.shard, lease.epoch, lease.place, values, ceiling, countersMax],
      })
      const block = rows[0]
      return block === undefined ? explainRefusal(request) : { kind: 'reserved', ...block }
    },
    async keys() {
      const { rows } = await pool.query<KeyRow>({ name: 'ids-keys', text: selectKeys })
      const keys = rows.map(({ version, secret, fromCounter }): CodeKey => ({ version, secret, fromCounter }))
      return { place: rows[0]?.place ?? '', keys }
    },
  }
}
