// The database fails one statement for a reason that passes: a full disk, a deadlock, a statement that was cancelled.
import { randomUUID } from 'node:crypto'
import type { Pool } from '@linkfleet/runtime/postgres'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { callApi, openTestFleet, type TestFleet, untilAnswered } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener
let pool: Pool

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start()
  pool = openTestPool(fleet.database.url, { maxConnections: 1, statementTimeoutMs: 5_000 })
  await untilAnswered(() => create({ url: 'https://example.com/before' }, keyed()))
  await pool.query(`CREATE FUNCTION fail_as_asked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = split_part(NEW.target_url, 'state=', 2); END $$`)
  await pool.query(`CREATE TRIGGER fail_as_asked BEFORE INSERT ON links.links FOR EACH ROW
    WHEN (NEW.target_url LIKE '%state=%') EXECUTE FUNCTION fail_as_asked()`)
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
})

const keyed = () => ({ 'idempotency-key': randomUUID() })
const create = (body: unknown, headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links', body, headers)
const failing = (state: string) => `https://example.com/?state=${state}`

describe.each(['53100', '40P01', '40001', '57014'])('SQLSTATE %s', (state) => {
  it('is told a create as what passes', async () => {
    const answer = await create({ url: failing(state) })
    expect([answer.status, answer.body.code]).toEqual([503, 'not-created'])
    expect(answer.headers.get('retry-after')).not.toBeNull()
  })

  it('leaves open what an earlier attempt with its key has made', async () => {
    const answer = await create({ url: failing(state) }, keyed())
    expect([answer.status, answer.body.code]).toEqual([503, 'outcome-unknown'])
  })

  it('is told the item of a bulk, and its neighbour is made', async () => {
    const links = [{ url: failing(state) }, { url: 'https://example.com/neighbour' }]
    const answer = await callApi(shortener, 'POST', '/api/v1/links/bulk', { links })
    const statuses = answer.body.results.map((each: { status: number }) => each.status)
    expect(statuses).toEqual([503, 201])
    expect(answer.body.results[0].error.code).toBe('not-created')
  })
})

it('an error that does not pass is ours', async () => {
  expect((await create({ url: failing('22012') })).status).toBe(500)
})
