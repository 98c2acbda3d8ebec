import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { testDatabase } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { describe, expect, test } from 'vitest'
import { AHEAD_MAX } from '../domain/rules.ts'
import type { ShardLedger } from '../ports.ts'
import { describeShardLedger } from '../testing/shard-ledger-suite.ts'
import { createShardLedgerPg } from './shard-ledger-pg.ts'
import { openStandbysPg } from './standbys-pg.ts'

const log = silentLogger()

async function openWorld() {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await testDatabase())
  const pool: Pool = resources.use(
    openPool({
      url: database.url,
      name: 'shard-ledger-test',
      maxConnections: 4,
      statementTimeoutMs: 5_000,
      connectTimeoutMs: 5_000,
      log,
    }),
  )
  const opened = resources.move()
  return {
    database,
    pool,
    ledger: createShardLedgerPg(pool),
    expireLeases: async () => {
      await pool.query("UPDATE ids.shards SET lease_expires_at = now() - interval '1 second'")
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const lease = (ledger: ShardLedger, count: number) =>
  ledger.acquire({ owner: 'me', count, ttlMs: 60_000, countersMax: 10_000_000_000 })

describeShardLedger('in Postgres', openWorld)

describe('the counters in Postgres', () => {
  test('skip what a promotion may have lost, once, when a lease is taken or renewed at a new place', async () => {
    await using world = await openWorld()
    const { pool, ledger } = world
    const [acquired] = await lease(ledger, 1)
    const request = { values: 10, ceiling: Number.MAX_SAFE_INTEGER, countersMax: 10_000_000_000 }
    await ledger.reserve({ lease: acquired!, ...request })
    // As it is on a promoted replica: the rows carry the place where they were written.
    await pool.query("UPDATE ids.shards SET place = '1/00000001'")
    expect(await ledger.reserve({ lease: acquired!, ...request })).toEqual({ kind: 'moved' })
    const [renewed] = await ledger.renew({ leases: [acquired!], ttlMs: 60_000 })
    expect(await ledger.reserve({ lease: renewed!, ...request })).toMatchObject({
      kind: 'reserved',
      first: 10 + AHEAD_MAX,
    })
    await ledger.renew({ leases: [acquired!], ttlMs: 60_000 })
    expect(await ledger.reserve({ lease: renewed!, ...request })).toMatchObject({ first: 20 + AHEAD_MAX })
    const [other] = await lease(ledger, 1)
    expect(await ledger.reserve({ lease: other!, ...request })).toMatchObject({ first: AHEAD_MAX })
  })

  test('take a new key from one value on, that no shard had reached and that every shard starts at', async () => {
    await using world = await openWorld()
    const { pool, ledger } = world
    const [held] = await lease(ledger, 1)
    const request = {
      lease: held!,
      values: 100,
      ceiling: Number.MAX_SAFE_INTEGER,
      countersMax: 10_000_000_000,
    }
    await ledger.reserve(request)
    await pool.query('SELECT ids.rotate_key()')
    const { keys } = await ledger.keys()
    expect(keys.map(({ version, fromCounter }) => [version, fromCounter])).toEqual([
      [1, 0],
      [2, 100 + AHEAD_MAX],
    ])
    expect(keys[0]!.secret).not.toEqual(keys[1]!.secret)
    expect(await ledger.reserve(request)).toMatchObject({ first: 100 + AHEAD_MAX, keyVersion: 2 })
    const { rows } = await pool.query<{ low: number }>('SELECT min(next_value) AS low FROM ids.shards')
    expect(rows[0]!.low).toBe(100 + AHEAD_MAX)
  })

  test('move forward by an operator command, and never back', async () => {
    await using world = await openWorld()
    await world.pool.query('SELECT ids.advance_shards(5000)')
    const { rows } = await world.pool.query('SELECT DISTINCT next_value AS value FROM ids.shards')
    expect(rows).toEqual([{ value: 5000 }])
    await expect(world.pool.query('SELECT ids.advance_shards(-1)')).rejects.toThrow('only be moved forward')
  })

  test('need no more rights than those of the role linkfleet_ids', async () => {
    await using world = await openWorld()
    await world.pool.transaction(async (transaction) => {
      await transaction.query('SET LOCAL ROLE linkfleet_ids')
      const asRole = createShardLedgerPg({ ...world.pool, query: transaction.query })
      const [held] = await lease(asRole, 1)
      await asRole.renew({ leases: [held!], ttlMs: 1_000 })
      await asRole.keys()
      const request = { lease: held!, values: 10, ceiling: 5, countersMax: 100 }
      expect(await asRole.reserve(request)).toEqual({ kind: 'beyond-ceiling' })
      expect(await asRole.reserve({ ...request, ceiling: 100 })).toMatchObject({ kind: 'reserved' })
      await asRole.release([held!])
    })
    await expect(
      world.pool.transaction(async (transaction) => {
        await transaction.query('SET LOCAL ROLE linkfleet_ids')
        await transaction.query('SELECT ids.rotate_key()')
      }),
    ).rejects.toThrow('permission denied')
  })
})

describe('the standbys in Postgres', () => {
  test('tell what they have replayed, and a writable server tells its place', async () => {
    await using world = await openWorld()
    const { database, ledger } = world
    const urls = [...database.replicaUrls, database.url]
    await using standbys = openStandbysPg({ urls, log })
    const [held] = await lease(ledger, 1)
    await ledger.reserve({ lease: held!, values: 77, ceiling: 1_000, countersMax: 1_000 })
    expect(standbys.count).toBe(urls.length)
    await eventually(async () => {
      const readings = await standbys.read([held!.shard])
      for (const reading of readings.slice(0, -1)) {
        expect(reading).toEqual({
          kind: 'standby',
          shards: new Map([[held!.shard, { nextValue: 77, place: held!.place }]]),
        })
      }
      expect(readings.at(-1)).toEqual({ kind: 'writable', place: held!.place })
    })
    const replicas = await standbys.read([])
    expect(replicas[0]).toEqual({ kind: 'standby', shards: new Map() })
  })

  test('are silent when they do not answer', async () => {
    await using standbys = openStandbysPg({ urls: ['postgres://nobody@127.0.0.1:1/nothing'], log })
    expect(await standbys.read([1])).toEqual([{ kind: 'silent' }])
    expect(await standbys.read([1])).toEqual([{ kind: 'silent' }])
  })
})
