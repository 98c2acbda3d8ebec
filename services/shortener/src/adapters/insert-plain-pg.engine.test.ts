import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewLink } from '../domain/link.ts'
import type { InsertOutcome, LinkToInsert } from '../ports.ts'
import { newLink } from '../testing/new-link.ts'
import { insertPlain, insertPlainAlone } from './insert-plain-pg.ts'
import { linkColumns, toLink } from './link-row-pg.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 2, statementTimeoutMs: 20_000 })
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

const lockWaitMs = 10_000
const itemOf = (
  code: string,
  options: Partial<NewLink> = {},
  passwordVerifier: string | null = null,
): LinkToInsert => ({
  code,
  link: newLink({ createdBy: 'key:one', ...options }),
  passwordVerifier,
  idempotency: null,
})

const made = (outcomes: readonly (InsertOutcome | undefined)[]) =>
  outcomes.map((outcome) => (outcome?.kind === 'created' ? outcome.created.link : undefined))

async function stored(codes: readonly string[]) {
  const { rows } = await pool.query({
    text: `SELECT ${linkColumns('l')} FROM links.links AS l WHERE code = ANY($1::text[]) ORDER BY version`,
    values: [codes],
  })
  return rows.map(toLink)
}

const inTransaction = async (items: readonly LinkToInsert[]) => {
  const outcomes: (InsertOutcome | undefined)[] = []
  const placed = items.map((item, position) => ({ item, position }))
  await pool.transaction(async (transaction) => await insertPlain(transaction, placed, outcomes))
  return outcomes
}

describe.each([
  ['by itself', (items: readonly LinkToInsert[]) => insertPlainAlone(pool, items, lockWaitMs)],
  ['in a transaction', inTransaction],
])('the statement for links that nobody contests, %s', (name, insert) => {
  const codeOf = (text: string) => `${name.length}-${text}`

  it('stores what is told, where all links have what links usually have', async () => {
    const codes = ['b', 'a', 'c'].map(codeOf)
    const links = made(await insert(codes.map((code) => itemOf(code))))
    // Versions are in the order of the items, whatever the order of their codes.
    expect(links.map((link) => link?.code)).toEqual(codes)
    expect(await stored(codes)).toEqual(links)
    expect(links[0]).toMatchObject({
      tags: [],
      redirectStatus: 302,
      forwardQuery: false,
      createdBy: 'key:one',
    })
  })

  it.each([
    ['a title', { title: 'A "page", {quoted}' }],
    ['tags', { tags: ['one', 'NULL', 'a,b'] }],
    ['a status', { redirectStatus: 308 }],
    ['its query handed on', { forwardQuery: true }],
    ['a start', { startsAtMs: 2_000_000_000_000 }],
    ['an expiry', { expiresAtMs: 2_100_000_000_000 }],
    ['a limit', { maxClicks: 7 }],
    ['another author', { createdBy: 'key:two' }],
  ] as const)('stores %s of one, and of the others nothing of it', async (what, options) => {
    const codes = ['first', 'middle', 'last'].map((place) => codeOf(`${what}-${place}`))
    const items = codes.map((code, place) => itemOf(code, place === 1 ? options : {}))
    const links = made(await insert(items))
    expect(await stored(codes)).toEqual(links)
    expect(links[1]).toMatchObject(options)
    expect(links[2]).toMatchObject({ createdBy: 'key:one', title: null, tags: [], maxClicks: null })
  })

  it('stores the verifier of one, and the others have no password', async () => {
    const codes = ['open', 'closed'].map(codeOf)
    const items = [itemOf(codes[0] as string), itemOf(codes[1] as string, {}, 'a verifier')]
    const links = made(await insert(items))
    expect(await stored(codes)).toEqual(links)
    expect(links.map((link) => link?.passwordProtected)).toEqual([false, true])
  })
})

describe('by itself', () => {
  it('waits no longer than told for a row that another transaction holds, makes nothing, and leaves the session as it was', async () => {
    using other = await pool.session()
    await other.query('BEGIN')
    await other.query(`INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at,
      updated_at) VALUES ('held', 1, 1, 'https://example.com/', 'test', now(), now())`)
    const items = ['before', 'held', 'later'].map((code) => itemOf(code))
    // The statement would wait for twenty seconds, and then fail with another SQLSTATE.
    await expect(insertPlainAlone(pool, items, 50)).rejects.toMatchObject({ code: '55P03' })
    await other.query('ROLLBACK')
    expect(await stored(['before', 'held', 'later'])).toEqual([])
    const settings = await Promise.all([pool.query('SHOW lock_timeout'), other.query('SHOW lock_timeout')])
    expect(settings.map(({ rows }) => rows[0]?.lock_timeout)).toEqual(['0', '0'])
    expect(made(await insertPlainAlone(pool, items, lockWaitMs))).toHaveLength(3)
  })

  it('makes none of them when somebody has one of the codes', async () => {
    await insertPlainAlone(pool, [itemOf('taken')], lockWaitMs)
    const items = ['free-1', 'taken', 'free-2'].map((code) => itemOf(code))
    await expect(insertPlainAlone(pool, items, lockWaitMs)).rejects.toMatchObject({ code: '23505' })
    expect((await stored(['free-1', 'taken', 'free-2'])).map(({ code }) => code)).toEqual(['taken'])
    const told = await pool.query("SELECT code FROM links.outbox WHERE code LIKE 'free-%'")
    expect(told.rows).toEqual([])
  })
})
