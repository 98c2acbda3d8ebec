import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRecords } from '../../domain/batch-plan.ts'
import { click, message, noon, producerId, record, run } from '../../testing/clicks.ts'
import { createUserAgentClassifier } from '../user-agents.ts'
import { openClickStorePg } from './click-store-pg.ts'
import { listDeadLetters, replayDeadLetter } from './dead-letters-pg.ts'

let database: TestDatabase
let pool: Pool
const classify = createUserAgentClassifier()
const dayMs = 86_400_000

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 2, statementTimeoutMs: 5_000, connectTimeoutMs: 2_000 })
})

afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const total = async () => {
  const { rows } = await pool.query<{ humans: number }>('SELECT humans FROM clicks.totals')
  return rows[0]?.humans
}

it('a message that becomes readable is replayed once, without what was counted before it', async () => {
  const store = openClickStorePg({ pool, classify, now: () => noon })
  await store.begin(0, 0)
  // A clock that is three days ahead: unreadable today, readable in three days.
  const early = message(producerId(1), run(8, 12, { atMs: noon + 3 * dayMs }))
  const garbage = Buffer.from('not protobuf at all')
  const values = [message(producerId(1), run(1, 10)), early, garbage, message(producerId(1), run(11, 15))]
  const records = readRecords(
    values.map((value, offset) => record(offset, value)),
    noon,
  )
  expect(await store.apply(0, 0, records)).toMatchObject({ counts: { humans: 13, duplicates: 2 } })

  const [unreadable, replayable] = await listDeadLetters(pool)
  expect(replayable).toMatchObject({ partition: 0, offset: 1, reason: 'click', bytes: early.length })
  const replayableId = replayable?.id ?? 0
  expect(await replayDeadLetter(pool, replayableId, noon, classify)).toEqual({
    kind: 'unreadable',
    reason: 'click',
  })
  expect(await total()).toBe(13)

  expect(await replayDeadLetter(pool, replayableId, noon + 3 * dayMs, classify)).toEqual({
    kind: 'counted',
    clicks: 2,
  })
  expect(await replayDeadLetter(pool, replayableId, noon + 3 * dayMs, classify)).toEqual({ kind: 'missing' })
  expect(await total()).toBe(15)

  // The log is read from its start again: nothing is counted, and nothing is set aside, a second time.
  await store.move(0, 4, 0)
  await store.apply(0, 0, records)
  expect(await total()).toBe(15)
  expect((await listDeadLetters(pool)).map(({ id }) => id)).toEqual([unreadable?.id])
})

async function runCommand(...words: string[]): Promise<{ code: number; stdout: string }> {
  const command = fileURLToPath(new URL('../../dead-letters.ts', import.meta.url))
  return await promisify(execFile)(process.execPath, [command, ...words], {
    env: { DATABASE_URL: database.url },
    timeout: 60_000,
  }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  )
}

it('the command lists them, and says which stay', async () => {
  const store = openClickStorePg({ pool, classify, now: () => noon })
  await store.begin(7, 0)
  const bad = message(producerId(2), [click({ code: '' })])
  await store.apply(7, 0, readRecords([record(0, bad)], noon))
  expect((await runCommand('list')).stdout).toContain('partition 7 offset 0  click')
  const replayed = await runCommand('replay', 'all')
  expect(replayed.code).toBe(1)
  expect(replayed.stdout).toContain('stays')
  expect(replayed.stdout).toMatch(/^2 tried, 0 counted with 0 clicks, 2 unreadable; 2 are left$/m)
  expect(await runCommand('drop')).toMatchObject({ code: 64 })
})

it('all are all: a readable one before more unreadable ones than a page has is counted, and so is one after', async () => {
  await pool.query('DELETE FROM clicks.dead_letters')
  const before = (await total()) ?? 0
  const setAside = async (values: Buffer[]) =>
    await pool.query({
      text: `INSERT INTO clicks.dead_letters
          (partition, record_offset, producer_id, counted_through, reason, value, digest, set_aside_at)
        SELECT 7, 0, NULL, 0, 'undecodable', value, sha256(value), now() FROM unnest($1::bytea[]) AS value`,
      values: [values],
    })
  const readable = (producer: number) => message(producerId(producer), run(1, 3, { atMs: Date.now() }))
  const garbage = Array.from({ length: 1_050 }, (_none, index) => Buffer.from(`not protobuf ${index}`))
  await setAside([readable(21), ...garbage, readable(22)])
  const replayed = await runCommand('replay', 'all')
  expect(replayed.stdout).toMatch(/^1052 tried, 2 counted with 6 clicks, 1050 unreadable; 1050 are left$/m)
  expect(replayed.code).toBe(1)
  expect(await total()).toBe(before + 6)

  await pool.query('DELETE FROM clicks.dead_letters')
  await setAside([readable(23)])
  const last = await runCommand('replay', 'all')
  expect(last).toMatchObject({ code: 0, stdout: expect.stringContaining('0 are left') })
})
