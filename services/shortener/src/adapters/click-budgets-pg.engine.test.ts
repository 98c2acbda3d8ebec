import { randomBytes } from 'node:crypto'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClickBudgets } from '../ports.ts'
import { openClickBudgetsPg } from './click-budgets-pg.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 8, statementTimeoutMs: 5_000 })
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

/** Both may be repeated, as a caller does whose machine is too busy to be answered in time. */
const budgets = (): ClickBudgets => {
  const opened = openClickBudgetsPg(pool)
  return {
    take: (...request) => untilKnown(() => opened.take(...request)),
    giveBack: (...request) => untilKnown(() => opened.giveBack(...request)),
  }
}
async function untilKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if ((error as { code?: string }).code !== 'outcome-unknown') throw error
    }
  }
}
const requestId = () => randomBytes(16)

async function linkWith(maxClicks: number | null, code = uniqueName('c').slice(0, 60)) {
  await pool.query({
    text: `INSERT INTO links.links (domain_id, code, version, created_version, target_url, max_clicks,
        created_by, created_at, updated_at)
      SELECT 1, $1, v, v, 'https://example.com/', $2, 'test', now(), now() FROM nextval('links.version_seq') AS v`,
    values: [code, maxClicks],
  })
  return { domainId: 1, code }
}
const change = async (code: string, set: string) =>
  await pool.query({
    text: `UPDATE links.links SET ${set}, version = nextval('links.version_seq') WHERE code = $1`,
    values: [code],
  })
async function takenOf(code: string): Promise<number> {
  const { rows } = await pool.query<{ taken: number }>({
    text: 'SELECT coalesce(sum(taken), 0)::int AS taken FROM links.click_budgets WHERE code = $1',
    values: [code],
  })
  return rows[0]?.taken ?? 0
}

test('leases shrink to single clicks near the limit, and end at it', async () => {
  const key = await linkWith(100)
  const granted: number[] = []
  for (;;) {
    const grant = await budgets().take(key, requestId(), 50)
    if (grant?.granted === 0) break
    granted.push(grant?.granted ?? 0)
  }
  expect(granted[0]).toBe(12)
  expect(granted.slice(-8)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  expect(granted.reduce((sum, one) => sum + one)).toBe(100)
  expect(await budgets().take(key, requestId(), 0)).toMatchObject({ granted: 0, left: 0, isLimited: true })
})

test('a request that is repeated gets its lease again and takes nothing more', async () => {
  const key = await linkWith(100)
  const id = requestId()
  const first = await budgets().take(key, id, 10)
  expect(first).toMatchObject({ granted: 10, left: 90 })
  expect(await budgets().take(key, id, 10)).toEqual(first)
  expect(await Promise.all(Array.from({ length: 10 }, () => budgets().take(key, id, 3)))).toEqual(
    Array.from({ length: 10 }, () => first),
  )
  expect(await takenOf(key.code)).toBe(10)
})

test('what is returned can be taken again, and is returned once', async () => {
  const key = await linkWith(10)
  const leases = []
  for (let index = 0; index < 10; index++) {
    const id = requestId()
    await budgets().take(key, id, 5)
    leases.push({ key, requestId: id, unused: 1 })
  }
  expect(await budgets().take(key, requestId(), 1)).toMatchObject({ granted: 0 })
  const some = leases.slice(0, 4)
  await Promise.all([budgets().giveBack(some), budgets().giveBack(some), budgets().giveBack(some)])
  expect(await takenOf(key.code)).toBe(6)
  await budgets().giveBack([{ key, requestId: requestId(), unused: 1 }])
  expect(await takenOf(key.code)).toBe(6)
  expect(await budgets().take(key, requestId(), 1)).toMatchObject({ granted: 1, left: 3 })
  // A lease that was returned is over: its request, come again, gets nothing.
  expect(await budgets().take(key, leases[0]!.requestId, 1)).toMatchObject({ granted: 0 })
})

test('who got no answer, and does not know how many were leased, gives all of them back', async () => {
  const key = await linkWith(100)
  const [kept, lost] = [requestId(), requestId()]
  await budgets().take(key, kept, 3)
  expect(await budgets().take(key, lost, 50)).toMatchObject({ granted: 12 })
  await budgets().giveBack([{ key, requestId: lost, unused: 50 }])
  expect(await takenOf(key.code)).toBe(3)
  expect(await budgets().take(key, lost, 50)).toMatchObject({ granted: 0, left: 97 })
})

test('a limit that is raised or lowered counts from the next lease on; without one nobody needs a lease', async () => {
  const key = await linkWith(2)
  await budgets().take(key, requestId(), 2)
  await budgets().take(key, requestId(), 2)
  expect(await budgets().take(key, requestId(), 2)).toMatchObject({ granted: 0, left: 0 })
  await change(key.code, 'max_clicks = 3')
  expect(await budgets().take(key, requestId(), 2)).toMatchObject({ granted: 1, left: 0 })
  await change(key.code, 'max_clicks = 1')
  expect(await budgets().take(key, requestId(), 2)).toMatchObject({ granted: 0, left: 0 })
  expect(await takenOf(key.code)).toBe(3)
  await change(key.code, 'max_clicks = NULL')
  expect(await budgets().take(key, requestId(), 2)).toMatchObject({ isLimited: false, granted: 0 })
})

test('unknown, deleted and blocked links have no clicks; an alias made again begins anew', async () => {
  expect(await budgets().take({ domainId: 1, code: 'nothing-here' }, requestId(), 1)).toBeUndefined()
  const key = await linkWith(1)
  expect(await budgets().take(key, requestId(), 1)).toMatchObject({ granted: 1 })
  await change(key.code, 'state = 2')
  expect(await budgets().take(key, requestId(), 1)).toBeUndefined()
  await change(key.code, "state = 1, created_version = nextval('links.version_seq')")
  expect(await budgets().take(key, requestId(), 1)).toMatchObject({ granted: 1 })
})

test('whoever takes and returns at once, what is out never passes the limit', async () => {
  const command = fc.record({
    wanted: fc.integer({ min: 0, max: 40 }),
    returned: fc.integer({ min: 0, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 120 }),
      fc.array(fc.array(command, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      async (maxClicks, holders) => {
        const key = await linkWith(maxClicks)
        let held = 0
        await Promise.all(
          holders.map(async (commands) => {
            for (const { wanted, returned } of commands) {
              const id = requestId()
              const granted = (await budgets().take(key, id, wanted))?.granted ?? 0
              expect(granted).toBeLessThanOrEqual(wanted)
              held += granted
              expect(held).toBeLessThanOrEqual(maxClicks)
              const unused = Math.min(granted, returned)
              if (granted === 0) continue
              held -= unused
              await budgets().giveBack([{ key, requestId: id, unused }])
            }
          }),
        )
        expect(await takenOf(key.code)).toBe(held)
      },
    ),
    { numRuns: 25 },
  )
})
