import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { testDatabase } from '@linkfleet/testkit/engines'
import { expect, onTestFinished, test } from 'vitest'
import { openVisitorSaltsPg } from './visitor-salts-pg.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const day = Date.UTC(2026, 5, 15)

async function openTestPool(): Promise<Pool> {
  const database = await testDatabase()
  onTestFinished(async () => await database[Symbol.asyncDispose]())
  const pool = openPool({
    url: database.url,
    name: 'test',
    maxConnections: 4,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 3_000,
    log: silentLogger(),
  })
  onTestFinished(async () => await pool[Symbol.asyncDispose]())
  return pool
}

/** The file that holds the table. */
async function fileOfSalts(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ path: string }>(
    "SELECT pg_relation_filepath('clicks.visitor_salts') AS path",
  )
  return rows[0]!.path
}

async function fileExists(pool: Pool, path: string): Promise<boolean> {
  // A file that is no longer needed goes with the next checkpoint.
  await pool.query('CHECKPOINT')
  const { rows } = await pool.query<{ bytes: number | null }>({
    text: 'SELECT (pg_stat_file($1, true)).size AS bytes',
    values: [path],
  })
  return rows[0]!.bytes !== null
}

test('a day has one salt, whoever asks, and the next day its own once noon is over', async () => {
  const pool = await openTestPool()
  const [one, other] = [openVisitorSaltsPg(pool), openVisitorSaltsPg(pool)]
  const [morning, again] = await Promise.all([one.salts(day + hourMs), other.salts(day + hourMs)])
  expect(morning).toHaveLength(1)
  expect(again).toEqual(morning)
  const afternoon = await other.salts(day + 13 * hourMs)
  expect(afternoon.map(({ dayStartMs }) => dayStartMs)).toEqual([day, day + dayMs])
  expect(afternoon[0]).toEqual(morning[0])
  expect(afternoon[1]!.salt).toHaveLength(32)
  expect(afternoon[1]!.salt).not.toEqual(morning[0]!.salt)
  expect(await one.salts(day + dayMs)).toEqual([afternoon[1]])
})

test('a salt is destroyed when its day is over, and the file that held it', async () => {
  const pool = await openTestPool()
  const keeper = openVisitorSaltsPg(pool)
  const [past, next] = await keeper.salts(day + 23 * hourMs)
  expect(await keeper.destroyPast(day + dayMs - 1)).toBe(0)
  const file = await fileOfSalts(pool)
  expect(await fileExists(pool, file)).toBe(true)

  expect(await keeper.destroyPast(day + dayMs)).toBe(1)
  expect(await fileOfSalts(pool)).not.toBe(file)
  expect(await fileExists(pool, file)).toBe(false)
  const { rows } = await pool.query<{ salt: Buffer }>('SELECT salt FROM clicks.visitor_salts')
  expect(rows.map(({ salt }) => salt)).toEqual([next!.salt])
  expect(rows[0]!.salt).not.toEqual(past!.salt)
  expect(await keeper.salts(day + dayMs)).toEqual([next])
})

test('no salt lives for 48 hours', async () => {
  const pool = await openTestPool()
  const keeper = openVisitorSaltsPg(pool)
  const madeAtMs = new Map<string, number>()
  for (let nowMs = day; nowMs <= day + 4 * dayMs; nowMs += hourMs) {
    await keeper.destroyPast(nowMs)
    for (const { salt } of await keeper.salts(nowMs)) {
      const name = salt.toString('hex')
      if (!madeAtMs.has(name)) madeAtMs.set(name, nowMs)
    }
    const { rows } = await pool.query<{ name: string }>(
      "SELECT encode(salt, 'hex') AS name FROM clicks.visitor_salts",
    )
    for (const { name } of rows) expect(nowMs - madeAtMs.get(name)!).toBeLessThan(48 * hourMs)
  }
  expect(madeAtMs.size).toBe(5)
})

test('a table that a crash of its server emptied gets the salts of the day back', async () => {
  const pool = await openTestPool()
  const keeper = openVisitorSaltsPg(pool)
  const salts = await keeper.salts(day + hourMs)
  await pool.query('TRUNCATE clicks.visitor_salts')
  expect(await keeper.salts(day + 2 * hourMs)).toEqual(salts)
})

test('salts reach no WAL and no replica: their table is unlogged', async () => {
  const pool = await openTestPool()
  const { rows } = await pool.query<{ kind: string }>(
    "SELECT relpersistence AS kind FROM pg_class WHERE oid = 'clicks.visitor_salts'::regclass",
  )
  expect(rows).toEqual([{ kind: 'u' }])
})
