import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { Pool } from '@linkfleet/runtime/postgres'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import {
  type Answer,
  callApi,
  codesInMemory,
  nextCode,
  openTestFleet,
  type TestFleet,
  untilAnswered,
} from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener
let pool: Pool
const generator = { isAway: false }
const codes = codesInMemory(() => {
  if (generator.isAway) throw new Error('away')
  return nextCode()
})

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start({}, { codes })
  pool = openTestPool(fleet.database.url, { maxConnections: 4, statementTimeoutMs: 5_000 })
  await eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links')).status === 200)
})
beforeEach(async () => {
  generator.isAway = false
  await codesAreReady()
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
})

let urlsMade = 0
const newUrl = () => `https://example.com/retry/${urlsMade++}`
const newLinks = (count: number) => Array.from({ length: count }, () => ({ url: newUrl() }))
const keyed = (key: string) => ({ 'idempotency-key': key })
const bulk = (links: readonly unknown[], headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links/bulk', { links }, headers)
const create = (body: object, headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links', body, headers)
const statusesOf = (answer: Answer) => answer.body.results.map(({ status }: { status: number }) => status)
const countLinks = async () =>
  (await pool.query<{ count: number }>('SELECT count(*) FROM links.links')).rows[0]?.count ?? -1
/** The pool holds a hundred, and fills itself again when a tenth is missing. */
const codesAreReady = () => eventually(() => codes.size > 90)
async function takeAllCodes(): Promise<void> {
  generator.isAway = true
  await codes.takeAll(codes.size)
}

describe('when no code is ready', () => {
  it('a bulk that is repeated is answered like the first, and another one with its key is 422', async () => {
    const links = newLinks(30)
    const first = await bulk(links, keyed('no codes 1'))
    await takeAllCodes()
    const again = await bulk(links, keyed('no codes 1'))
    expect([again.status, again.body]).toEqual([200, first.body])
    expect((await bulk(newLinks(30), keyed('no codes 1'))).status).toBe(422)
  })

  it('a create that is repeated is answered like the first, and another one with its key is 422', async () => {
    const url = newUrl()
    const first = await create({ url }, keyed('no codes 2'))
    await takeAllCodes()
    const again = await create({ url }, keyed('no codes 2'))
    expect([again.status, again.body]).toEqual([201, first.body])
    expect((await create({ url: newUrl() }, keyed('no codes 2'))).status).toBe(422)
  })

  it('reuseExisting answers with what there is, by itself and in a bulk, and keeps that answer', async () => {
    const [url, other] = [newUrl(), newUrl()]
    const known = [(await create({ url })).body.code, (await create({ url: other })).body.code]
    await takeAllCodes()
    const items = [url, other].map((each) => ({ url: each, reuseExisting: true }))
    for (const headers of [{}, keyed('no codes 3'), keyed('no codes 3')]) {
      const answer = await create({ url, reuseExisting: true }, headers)
      expect([answer.status, answer.body.code]).toEqual([200, known[0]])
    }
    const answer = await bulk(items, keyed('no codes 4'))
    expect(statusesOf(answer)).toEqual([200, 200])
    expect(answer.body.results.map(({ link }: { link: { code: string } }) => link.code)).toEqual(known)
  })

  it('what needs a new link is told that nothing was made, and may be repeated', async () => {
    const before = await countLinks()
    await takeAllCodes()
    const [url, links] = [newUrl(), [...newLinks(2), { url: newUrl(), alias: 'needs-no-code' }]]
    const ask = () =>
      Promise.all([
        create({ url }),
        create({ url }, keyed('no codes 5')),
        create({ url: newUrl(), reuseExisting: true }),
        bulk(links),
        bulk(links, keyed('no codes 6')),
      ])
    for (const answer of await ask()) {
      expect([answer.status, answer.body.code]).toEqual([503, 'not-created'])
    }
    expect(await countLinks()).toBe(before)
    generator.isAway = false
    await codesAreReady()
    expect((await create({ url }, keyed('no codes 5'))).status).toBe(201)
    expect(statusesOf(await bulk(links, keyed('no codes 6')))).toEqual([201, 201, 201])
  })

  it('for all of a bulk, none is taken', async () => {
    generator.isAway = true
    const ready = codes.size
    expect((await bulk(newLinks(ready + 1))).body).toMatchObject({ code: 'not-created' })
    expect(codes.size).toBe(ready)
    expect(statusesOf(await bulk(newLinks(ready)))).toEqual(Array(ready).fill(201))
  })
})

it('a bulk that is repeated takes no codes', async () => {
  const links = newLinks(40)
  await bulk(links, keyed('no burning'))
  await codesAreReady()
  generator.isAway = true
  const ready = codes.size
  for (let n = 0; n < 5; n++) expect((await bulk(links, keyed('no burning'))).status).toBe(200)
  expect(codes.size).toBe(ready)
})

describe('a key that was used with another bulk', () => {
  const url = 'https://example.com/other'
  it.each([
    ['another password', [{ url, password: 'secret-1' }], [{ url, password: 'secret-2' }]],
    ['true as password', [{ url, password: 'secret-1' }], [{ url, password: true }]],
    ['an empty password', [{ url, password: 'secret-1' }], [{ url, password: '' }]],
    ['a password after true', [{ url, password: true }], [{ url, password: 'secret-1' }]],
    [
      'another password of a refused item',
      [{ url }, { url: 42, password: 'secret-1' }],
      [{ url }, { url: 42, password: 'secret-2' }],
    ],
    [
      'passwords that changed places',
      [
        { url, password: 'secret-1' },
        { url, password: 'secret-2' },
      ],
      [
        { url, password: 'secret-2' },
        { url, password: 'secret-1' },
      ],
    ],
  ])('(%s) is refused', async (name, first, second) => {
    const ask = (links: readonly unknown[]) => untilAnswered(() => bulk(links, keyed(name)))
    expect((await ask(first)).status).toBe(200)
    expect((await ask(second)).body).toMatchObject({ code: 'idempotency-mismatch' })
    expect((await ask(first)).headers.get('idempotency-replayed')).toBe('true')
  })

  it.each([[''], [null], ['other']])('(a create, its password %j) is refused', async (password) => {
    const headers = keyed(`create ${password}`)
    expect((await create({ url, password: 'secret-1' }, headers)).status).toBe(201)
    expect((await create({ url, password }, headers)).status).toBe(422)
  })
})

describe('a keyed bulk of hostile depth', () => {
  it.each([
    ['arrays', `{"links":[${'['.repeat(60_000)}${']'.repeat(60_000)}]}`, 'links.0'],
    ['bulks', `${'{"links":['.repeat(30_000)}${']}'.repeat(30_000)}`, 'links.0'],
  ])('(%s) is refused, and the field is named', async (name, body, field) => {
    const answer = await callApi(shortener, 'POST', '/api/v1/links/bulk', body, keyed(`deep ${name}`))
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ code: 'invalid-request', field })
  })
})

/** Runs `work` while another transaction holds the alias, and rolls that back. */
async function whileHeld<T>(alias: string, work: () => Promise<T>): Promise<T> {
  const { promise: done, resolve: release } = Promise.withResolvers<void>()
  const { promise: holding, resolve: held } = Promise.withResolvers<void>()
  const other = pool
    .transaction(async (transaction) => {
      await transaction.query({
        text: `INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at, updated_at)
          VALUES ($1, 1, 1, 'https://example.com/', 'test', now(), now())`,
        values: [alias],
      })
      held()
      await done
      throw new LinkfleetError('internal', 'rolled back')
    })
    .catch(() => {})
  await holding
  try {
    return await work()
  } finally {
    release()
    await other
  }
}

describe('an item that failed for a reason that passes', () => {
  it('is tried again by a retry, and it alone', async () => {
    const links = [
      { url: newUrl() },
      { url: newUrl(), alias: 'held-for-now', password: 'open' },
      { url: 'nonsense' },
    ]
    const before = await countLinks()
    const ask = () => untilAnswered(() => bulk(links, keyed('passing')))
    const first = await whileHeld('held-for-now', ask)
    expect(statusesOf(first)).toEqual([201, 503, 400])
    const [second, third] = await Promise.all([ask(), ask()])
    expect(statusesOf(second)).toEqual([201, 201, 400])
    expect(third.body).toEqual(second.body)
    expect([second.body.results[0], second.body.results[2]]).toEqual([
      first.body.results[0],
      first.body.results[2],
    ])
    expect(await countLinks()).toBe(before + 2)
    const last = await ask()
    expect([last.body, last.headers.get('idempotency-replayed')]).toEqual([second.body, 'true'])
    const others = links.map((link) => ('password' in link ? { ...link, password: 'shut' } : link))
    expect((await bulk(others, keyed('passing'))).status).toBe(422)
  })
})
