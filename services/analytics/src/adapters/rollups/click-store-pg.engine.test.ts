import { type Click, ClickBatch, ClickKind, type OrphanReason } from '@linkfleet/contracts/clicks'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import type { ClickStore } from '../../ports.ts'
import { click, googlebot, message, noon, producerId, record, run } from '../../testing/clicks.ts'
import { asOfText } from '../statistics/stats-queries.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openClickStorePg } from './click-store-pg.ts'

let database: TestDatabase
let pool: Pool
let store: ClickStore
let partition = 0
const nowMs = noon + 60_000
const producer = producerId(1)

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 4, statementTimeoutMs: 5_000, connectTimeoutMs: 2_000 })
  store = openClickStorePg({ pool, classify: createUserAgentClassifier(), now: () => nowMs })
})

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  partition++
  await store.begin(partition, 0)
})

const codeOf = () => `code${partition}`

async function apply(from: number, values: (Buffer | null)[]) {
  const records = values.map((value, index) => record(from + index, value))
  return await store.apply(partition, from, readRecords(records, nowMs))
}

async function totals() {
  const { rows } = await pool.query({
    text: 'SELECT humans, bots, orphans FROM clicks.totals WHERE code = $1',
    values: [codeOf()],
  })
  return rows[0]
}

describe('a batch of clicks in Postgres', () => {
  it('is summed into totals, minutes, hours, days and the fleet in one transaction', async () => {
    const code = codeOf()
    const clicks = [
      click({ code, sequence: 1, atMs: noon }),
      click({ code, sequence: 2, atMs: noon + 1_000, userAgent: googlebot }),
      click({ code, sequence: 3, atMs: noon - 3_600_000 }),
    ]
    expect(await apply(0, [message(producer, clicks)])).toMatchObject({
      kind: 'applied',
      nextOffset: 1,
      counts: { humans: 2, bots: 1, orphans: 0, duplicates: 0, refused: 0 },
    })
    expect(await totals()).toEqual({ humans: 2, bots: 1, orphans: 0 })
    const { rows } = await pool.query({
      text: `SELECT grain_seconds, start_at, humans, bots FROM clicks.series WHERE code = $1
        ORDER BY grain_seconds, start_at`,
      values: [code],
    })
    const hourBefore = new Date(noon - 3_600_000)
    expect(rows).toEqual([
      { grain_seconds: 60, start_at: hourBefore, humans: 1, bots: 0 },
      { grain_seconds: 60, start_at: new Date(noon), humans: 1, bots: 1 },
      { grain_seconds: 3_600, start_at: hourBefore, humans: 1, bots: 0 },
      { grain_seconds: 3_600, start_at: new Date(noon), humans: 1, bots: 1 },
      { grain_seconds: 86_400, start_at: new Date(Date.UTC(2026, 5, 15)), humans: 2, bots: 1 },
    ])
    const fleet = await pool.query({
      text: 'SELECT humans, bots FROM clicks.fleet_series WHERE partition = $1 AND grain_seconds = 0',
      values: [partition],
    })
    expect(fleet.rows).toEqual([{ humans: 2, bots: 1 }])
  })

  it('that comes again is counted once, whole or in part', async () => {
    const code = codeOf()
    await apply(0, [message(producer, run(1, 10, { code }))])
    const again = await apply(1, [message(producer, run(5, 15, { code }))])
    expect(again).toMatchObject({ counts: { humans: 5, duplicates: 6 } })
    expect(await totals()).toMatchObject({ humans: 15 })
  })

  it('with the worst of every field is counted or set aside, and what follows is counted', async () => {
    const code = codeOf()
    const hostile = '\0\u0001\n\u0085\ud800\u{10ffff}'.repeat(20_000)
    const texts = {
      country: hostile,
      region: hostile,
      city: hostile,
      referrerHost: hostile,
      userAgent: hostile,
      language: hostile,
      utmSource: hostile,
      utmMedium: 'long'.repeat(20_000),
      utmCampaign: hostile,
      utmTerm: '\u{10ffff}'.repeat(20_000),
      utmContent: hostile,
    }
    const [plain] = ClickBatch.decode(message(producer, [click({ code })])).clicks
    const messageOf = (fields: Partial<Click>) =>
      Buffer.from(
        ClickBatch.encode({ producerId: producer, clicks: [{ ...(plain as Click), ...fields }] }).finish(),
      )
    const orphan = (reason: number, sequence: number) =>
      messageOf({ kind: ClickKind.ORPHAN, orphanReason: reason as OrphanReason, sequence })
    const halves = Object.entries(texts).map(([name, value], index) =>
      messageOf({ sequence: index + 1, visitor: Buffer.alloc(10_000, 255), [name]: value }),
    )
    const values = [
      ...halves,
      orphan(2 ** 31 - 1, 48),
      orphan(-1, 49),
      orphan(2 ** 15 - 1, 50),
      messageOf({ domainId: 2 ** 31 - 1, code: '\u{10ffff}'.repeat(64), sequence: 51 }),
      messageOf({ sequence: Number.MAX_SAFE_INTEGER }),
    ]
    expect(await apply(0, values)).toMatchObject({
      kind: 'applied',
      counts: { humans: halves.length + 1, bots: 1, orphans: 1 },
    })
    const { rows } = await pool.query({
      text: 'SELECT reason, count(*) FROM clicks.dead_letters WHERE partition = $1 GROUP BY reason',
      values: [partition],
    })
    expect(rows).toEqual([{ reason: 'click', count: 2 }])
  })

  it('that does not continue the log changes nothing', async () => {
    const code = codeOf()
    await apply(0, [message(producer, run(1, 3, { code }))])
    expect(await apply(0, [message(producer, run(4, 6, { code }))])).toEqual({ kind: 'out-of-step' })
    expect(await apply(2, [message(producer, run(4, 6, { code }))])).toEqual({ kind: 'out-of-step' })
    expect(await totals()).toMatchObject({ humans: 3 })
  })

  it('is applied by one of two consumers that both believe they own the partition', async () => {
    const code = codeOf()
    const values = [message(producer, run(1, 100, { code }))]
    const outcomes = await Promise.all([apply(0, values), apply(0, values), apply(0, values)])
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['applied', 'out-of-step', 'out-of-step'])
    expect(await totals()).toMatchObject({ humans: 100 })
  })

  it('waits for no batch of another partition, however hot the links of both are', async () => {
    const code = codeOf()
    const other = partition + 100
    await store.begin(other, 0)
    const values = [message(producerId(2), run(1, 1_000, { code: `${code}-hot` }))]
    let others: unknown
    await pool.transaction(async (transaction) => {
      // A batch of the first partition is in mid-transaction: it holds its partition and its link.
      await transaction.query({
        text: 'SELECT 1 FROM clicks.partitions WHERE partition = $1 FOR UPDATE',
        values: [partition],
      })
      await transaction.query({
        text: 'INSERT INTO clicks.totals (domain_id, code, humans, bots, orphans) VALUES (1, $1, 1000, 0, 0)',
        values: [code],
      })
      const records = readRecords([record(0, values[0] ?? null)], nowMs)
      others = await store.apply(other, 0, records)
    })
    expect(others).toMatchObject({ kind: 'applied', counts: { humans: 1_000 } })
  })

  it('leaves nothing behind when it fails in the middle', async () => {
    const code = codeOf()
    const failing = openClickStorePg({
      pool: {
        ...pool,
        transaction: async (work, begin) =>
          await pool.transaction(async (transaction) => {
            await work(transaction)
            throw new Error('the process dies before its commit')
          }, begin),
      },
      classify: createUserAgentClassifier(),
      now: () => nowMs,
    })
    const records = readRecords([record(0, message(producer, run(1, 5, { code })))], nowMs)
    await expect(failing.apply(partition, 0, records)).rejects.toThrow('dies')
    expect(await totals()).toBeUndefined()
    expect(await store.position(partition)).toEqual({ nextOffset: 0, fingerprint: null })
    expect(await store.apply(partition, 0, records)).toMatchObject({ kind: 'applied', nextOffset: 1 })
    expect(await totals()).toMatchObject({ humans: 5 })
  })

  it('sets poison aside once, next to the clicks it came with', async () => {
    const code = codeOf()
    const poison = Buffer.from('not protobuf at all')
    const outcome = await apply(0, [poison, message(producer, run(1, 2, { code })), null, poison])
    expect(outcome).toMatchObject({ kind: 'applied', nextOffset: 4, counts: { humans: 2 } })
    await apply(4, [poison])
    const { rows } = await pool.query({
      text: 'SELECT record_offset, reason, value FROM clicks.dead_letters WHERE partition = $1 ORDER BY 1',
      values: [partition],
    })
    expect(rows).toEqual([
      { record_offset: 0, reason: 'undecodable', value: poison },
      { record_offset: 2, reason: 'empty', value: Buffer.alloc(0) },
    ])
  })

  it('counts orphan clicks apart, and keeps no row for codes that nobody made', async () => {
    const code = codeOf()
    await apply(0, [
      message(producer, [
        click({ code, sequence: 1, kind: 2, orphanReason: 2 }),
        click({ code: `scan${partition}`, sequence: 2, kind: 2, orphanReason: 1 }),
      ]),
    ])
    expect(await totals()).toEqual({ humans: 0, bots: 0, orphans: 1 })
    const scanned = await pool.query({
      text: 'SELECT 1 FROM clicks.totals WHERE code = $1',
      values: [`scan${partition}`],
    })
    expect(scanned.rows).toEqual([])
    const { rows } = await pool.query({
      text: 'SELECT reason, clicks FROM clicks.orphan_days WHERE partition = $1 ORDER BY reason',
      values: [partition],
    })
    expect(rows).toEqual([
      { reason: 1, clicks: 1 },
      { reason: 2, clicks: 1 },
    ])
  })
})

describe('until when everything is counted', () => {
  const asOfMs = async () => {
    const { rows } = await pool.query<{ as_of_ms: number | null }>(`SELECT ${asOfText} AS as_of_ms`)
    return rows[0]?.as_of_ms
  }
  const note = async (atMs: readonly number[], partitionCount: number) =>
    await store.noteProgress(new Map(atMs.map((ms, partition) => [partition, ms])), partitionCount)

  it('is not known while it is not known of each partition', async () => {
    await note([], 0)
    expect(await asOfMs()).toBeNull()
    await note([noon], 2)
    expect(await asOfMs()).toBeNull()
    await note([noon + 1, noon + 2], 2)
    expect(await asOfMs()).toBe(noon + 1)
  })

  it('stands still when the topic grows, until the new partitions are read', async () => {
    await note([], 0)
    await note([noon, noon], 2)
    await note([noon + 5_000, noon + 5_000], 3)
    await note([noon + 9_000, noon + 9_000], 3)
    expect(await asOfMs()).toBe(noon)
    await store.noteProgress(new Map([[2, noon + 8_000]]), 3)
    expect(await asOfMs()).toBe(noon + 8_000)
  })

  it('goes on without partitions that the topic no longer has', async () => {
    await note([], 0)
    await note([noon + 1_000, noon], 2)
    await note([noon + 1_000], 1)
    expect(await asOfMs()).toBe(noon + 1_000)
  })
})
