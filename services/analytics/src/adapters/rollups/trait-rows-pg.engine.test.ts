import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import { linkAnswer } from '../../domain/statistics/stats-answer.ts'
import { traitIds, traitValuesADayMax } from '../../domain/traits.ts'
import { createEvents } from '../../events.ts'
import type { ClickStore } from '../../ports.ts'
import { click, message, noon, producerId, record } from '../../testing/clicks.ts'
import { openStatsReaderPg } from '../statistics/stats-reader-pg.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openClickStorePg } from './click-store-pg.ts'

let database: TestDatabase
let pool: Pool
let store: ClickStore
const now = () => noon + 60_000

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, {
    maxConnections: 6,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 2_000,
  })
  store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now })
})

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Applies one click of each host as the next batch of the partition, whose producer sends to it alone. */
async function apply(partition: number, code: string, hosts: readonly string[], atMs = noon): Promise<void> {
  await store.begin(partition, 0)
  const from = (await store.position(partition))?.nextOffset ?? 0
  const clicks = hosts.map((referrerHost, index) =>
    click({ code, referrerHost, sequence: from * 10_000 + index + 1, atMs }),
  )
  const records = [record(from, message(producerId(partition), clicks))]
  const outcome = await store.apply(partition, from, readRecords(records, now()))
  expect(outcome).toMatchObject({ kind: 'applied', counts: { humans: hosts.length } })
}

const forged = (name: string, count: number) =>
  Array.from({ length: count }, (_none, index) => `${name}${index}.example`)

async function referrers(code: string) {
  const { rows } = await pool.query<{ values: number; clicks: number }>({
    text: `SELECT count(*)::int AS values, sum(humans)::int AS clicks FROM clicks.trait_counts
      WHERE code = $1 AND trait = 2 GROUP BY day ORDER BY day`,
    values: [code],
  })
  return rows
}

it('forged referrers make no more rows than the bound, and what has a row goes on being counted', async () => {
  await apply(1, 'forged', ['real.example', ...forged('a', traitValuesADayMax - 11)])
  expect(await referrers('forged')).toEqual([
    { values: traitValuesADayMax - 10, clicks: traitValuesADayMax - 10 },
  ])
  const often = Array.from({ length: 3 }, () => 'often.example')
  await apply(1, 'forged', [...forged('b', 500), 'real.example', ...often])
  expect(await referrers('forged')).toEqual([{ values: traitValuesADayMax, clicks: traitValuesADayMax + 3 }])
  await apply(1, 'forged', ['real.example', 'often.example', 'late.example'])
  await apply(1, 'forged', ['real.example'], noon - 86_400_000)
  expect(await referrers('forged')).toEqual([
    { values: 1, clicks: 1 },
    { values: traitValuesADayMax, clicks: traitValuesADayMax + 5 },
  ])
  await apply(1, 'beside', ['real.example'])
  expect(await referrers('beside')).toEqual([{ values: 1, clicks: 1 }])
})

it('clicks that found no room are part of the unnamed rest, so the shares still add up', async () => {
  await apply(2, 'rest', forged('a', traitValuesADayMax + 300))
  const events = createEvents(silentLogger(), new Metrics('analytics'))
  const reader = openStatsReaderPg({ replicas: [], primary: pool, events, now })
  const midnight = noon - 43_200_000
  const days = { fromMs: midnight, toMs: midnight + 86_400_000, starts: [midnight] }
  const range = { grain: 'day', readGrain: 'day', timezone: 'UTC', ...days } as const
  const answer = linkAnswer('rest', range, await reader.link({ domainId: 1, code: 'rest' }, range))
  expect(answer.total).toBe(traitValuesADayMax + 300)
  for (const shares of [answer.referrers, answer.browsers]) {
    expect(shares.reduce((sum, { clicks }) => sum + clicks, 0)).toBe(answer.total)
  }
  expect(answer.browsers).toEqual([{ name: 'Chrome', clicks: answer.total }])
})

it('a day of which an earlier version counted a part is one day, whole, in an answer by a value', async () => {
  await apply(3, 'both', ['both.example', 'both.example'])
  await pool.query({
    text: `INSERT INTO clicks.trait_days (domain_id, code, day, trait, value, humans, bots)
      VALUES (1, 'both', $1, $2, 'both.example', 40, 3)`,
    values: [new Date(noon).toISOString().slice(0, 10), traitIds.referrer],
  })
  const events = createEvents(silentLogger(), new Metrics('analytics'))
  const reader = openStatsReaderPg({ replicas: [], primary: pool, events, now })
  const midnight = noon - 43_200_000
  const days = { fromMs: midnight, toMs: midnight + 86_400_000, starts: [midnight] }
  const range = { grain: 'day', readGrain: 'day', timezone: 'UTC', ...days } as const
  const filter = { dimension: 'referrer', value: 'both.example' } as const
  const { series } = await reader.filtered({ domainId: 1, code: 'both' }, range, filter)
  expect(series).toEqual([{ startMs: midnight, humans: 42, bots: 3 }])
})

it('the bound holds when batches of several partitions name the same link at once', async () => {
  const partitions = [10, 11, 12, 13]
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      partitions.map((partition) => apply(partition, 'raced', forged(`p${partition}r${round}x`, 300))),
    )
  }
  expect(await referrers('raced')).toEqual([{ values: traitValuesADayMax, clicks: traitValuesADayMax }])
})
