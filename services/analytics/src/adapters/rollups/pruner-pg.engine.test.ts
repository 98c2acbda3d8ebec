/** What is pruned, and when: sequence marks only when nothing that they guard against can be counted any more. */
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool } from '@linkfleet/runtime/postgres'
import { testDatabase } from '@linkfleet/testkit/engines'
import { expect, test } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import { message, noon, producerId, record, run } from '../../testing/clicks.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openClickStorePg } from './click-store-pg.ts'
import { pruneOnce } from './pruner-pg.ts'

const dayMs = 86_400_000
const retention = { minuteDays: 35, hourDays: 400 }

const openTestPool = (url: string) =>
  openPool({
    url,
    name: 'test',
    maxConnections: 2,
    statementTimeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    log: silentLogger(),
  })

test('the mark of a producer that was silent for 90 days goes, and what it sent before is refused from then on', async () => {
  await using database = await testDatabase()
  await using pool = openTestPool(database.url)
  let nowMs = noon
  const store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now: () => nowMs })
  await store.begin(0, 0)
  const spool = message(producerId(1), run(1, 10, { atMs: noon }))
  const apply = async (from: number, value: Buffer) => {
    const outcome = await store.apply(0, from, readRecords([record(from, value, nowMs)], nowMs))
    return outcome.kind === 'applied' ? outcome.counts : outcome
  }
  const producers = async () =>
    (
      await pool.query<{ id: number }>('SELECT get_byte(producer_id, 3) AS id FROM clicks.marks ORDER BY 1')
    ).rows.map(({ id }) => id)

  expect(await apply(0, spool)).toMatchObject({ humans: 10, duplicates: 0 })
  nowMs = noon + 60 * dayMs
  await apply(1, message(producerId(2), run(1, 10, { atMs: nowMs })))
  nowMs = noon + 89 * dayMs - 1
  await pruneOnce(pool, retention, nowMs)
  expect(await producers()).toEqual([1, 2])
  expect(await apply(2, spool)).toMatchObject({ humans: 0, duplicates: 10 })

  nowMs = noon + 92 * dayMs
  await pruneOnce(pool, retention, nowMs)
  expect(await producers()).toEqual([2])
  // A spool that comes back after all: nobody can say whether it was counted, so it is refused, not counted again.
  expect(await apply(3, spool)).toMatchObject({ humans: 0, duplicates: 0, refused: 10 })
  const { rows } = await pool.query('SELECT sum(humans)::int AS humans FROM clicks.totals')
  expect(rows).toEqual([{ humans: 20 }])
})

test('minutes go after 35 days and hours after 400, of links and of the fleet; days and totals stay', async () => {
  await using database = await testDatabase()
  await using pool = openTestPool(database.url)
  const store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now: () => noon })
  await store.begin(0, 0)
  const value = message(producerId(1), run(1, 10, { atMs: noon }))
  await store.apply(0, 0, readRecords([record(0, value, noon)], noon))
  const grains = async (table: string) => {
    const text = `SELECT grain_seconds AS grain FROM clicks.${table} WHERE grain_seconds > 0 ORDER BY 1`
    return (await pool.query<{ grain: number }>(text)).rows.map(({ grain }) => grain)
  }
  for (const [days, left] of [
    [35, [60, 3_600, 86_400]],
    [37, [3_600, 86_400]],
    [400, [3_600, 86_400]],
    [402, [86_400]],
    [4_000, [86_400]],
  ] as const) {
    await pruneOnce(pool, retention, noon + days * dayMs)
    expect([days, await grains('series'), await grains('fleet_series')]).toEqual([days, left, left])
  }
  const { rows } = await pool.query('SELECT humans::int FROM clicks.totals')
  expect(rows).toEqual([{ humans: 10 }])
})
