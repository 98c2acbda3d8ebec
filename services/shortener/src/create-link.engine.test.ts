import { randomUUID } from 'node:crypto'
import type { Pool } from '@linkfleet/runtime/postgres'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import {
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

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start()
  pool = openTestPool(fleet.database.url, { maxConnections: 4, statementTimeoutMs: 5_000 })
  await eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links')).status === 200)
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
})

const create = (body: unknown, headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links', body, headers)
const createAgain = (body: unknown, at = shortener) => {
  const key = { 'idempotency-key': randomUUID() }
  return untilAnswered(() => callApi(at, 'POST', '/api/v1/links', body, key))
}
const countLinks = async () =>
  (await pool.query<{ count: number }>('SELECT count(*) FROM links.links')).rows[0]?.count

describe('a create', () => {
  it('answers 201 with the link, its Location and its version', async () => {
    const { status, headers, body } = await create({
      url: 'https://example.com/a?b=c',
      title: 'A page',
      tags: ['one', 'two', 'one'],
      expiresAt: '2099-01-31T12:00:00+01:00',
    })
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(`/api/v1/links/${body.code}`)
    expect(headers.get('etag')).toBe(`"${body.version}"`)
    expect(body).toEqual({
      code: expect.stringMatching(/^[0-9A-Za-z]{7}$/),
      domain: 'go.example.com',
      shortUrl: `https://go.example.com/${body.code}`,
      url: 'https://example.com/a?b=c',
      title: 'A page',
      tags: ['one', 'two'],
      redirectStatus: 302,
      forwardQuery: false,
      startsAt: null,
      expiresAt: '2099-01-31T11:00:00.000Z',
      maxClicks: null,
      hasPassword: false,
      createdAt: expect.any(String),
      updatedAt: body.createdAt,
      version: expect.any(Number),
    })
    expect(Math.abs(Date.parse(body.createdAt) - Date.now())).toBeLessThan(60_000)
  })

  it('answers just the short URL to who asks for text/plain', async () => {
    const { status, headers, body } = await create({ url: 'https://example.com/' }, { accept: 'text/plain' })
    expect(status).toBe(201)
    expect(headers.get('content-type')).toContain('text/plain')
    expect(body).toMatch(/^https:\/\/go\.example\.com\/\w{7}\n$/)
  })

  it('takes an alias, and the second one to ask for it is told that it is taken', async () => {
    expect((await create({ url: 'https://example.com/1', alias: 'summer-sale' })).body.code).toBe(
      'summer-sale',
    )
    const second = await create({ url: 'https://example.com/2', alias: 'summer-sale' })
    expect(second.status).toBe(409)
    expect(second.body).toMatchObject({ code: 'alias-taken', field: 'alias' })
  })

  it('gives one alias to one of a hundred who ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, index) =>
        createAgain({ url: `https://example.com/${index}`, alias: 'everybody-wants-it' }),
      ),
    )
    const statuses = answers.map((answer) => answer.status).sort()
    expect(statuses).toEqual([201, ...Array(99).fill(409)])
    const winner = answers.find((answer) => answer.status === 201)?.body
    expect((await callApi(shortener, 'GET', '/api/v1/links/everybody-wants-it')).body.url).toBe(winner.url)
  })

  it('gives one alias to one of a hundred who ask two instances', async () => {
    const other = await fleet.start()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, index) =>
        createAgain(
          { url: `https://example.com/${index}`, alias: 'wanted-everywhere' },
          index % 2 === 0 ? shortener : other,
        ),
      ),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array(99).fill(409)])
  })

  it('does not fail because of its neighbours in the transaction', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_none, index) =>
        createAgain({
          url: `https://example.com/n/${index}`,
          ...(index % 10 === 0 ? { alias: 'summer-sale' } : {}),
        }),
      ),
    )
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(30)
    const codes = answers.filter((answer) => answer.status === 201).map((answer) => answer.body.code)
    expect(new Set(codes).size).toBe(270)
  })

  it('skips a generated code that somebody took as an alias', async () => {
    // The pool is a stack of a hundred: what was made last is taken first.
    const notFree = new Map([
      [96, 'free001'],
      [97, 'robots'],
      [98, 'taken01'],
      [99, 'taken01'],
    ])
    let made = 0
    const codes = codesInMemory(() => notFree.get(made++) ?? nextCode())
    const other = await fleet.start({}, { codes })
    await eventually(async () => (await callApi(other, 'GET', '/api/v1/links')).status === 200)
    await create({ url: 'https://example.com/', alias: 'taken01' })
    const links = await Promise.all(
      Array.from({ length: 100 }, () =>
        // Without a key: these are made by the statement that expects nobody in the way.
        untilAnswered(() => callApi(other, 'POST', '/api/v1/links', { url: 'https://example.com/' })),
      ),
    )
    expect(links.map((answer) => answer.status)).toEqual(Array(100).fill(201))
    const given = links.map((answer) => answer.body.code)
    // It was given, or its create was told 503 although it was made.
    expect((await callApi(other, 'GET', '/api/v1/links/free001')).status).toBe(200)
    expect(given).not.toContain('taken01')
    expect(given).not.toContain('robots')
  })

  it('takes over an alias that was deleted, at a later version', async () => {
    const first = await create({ url: 'https://example.com/old', alias: 'reborn' })
    expect((await callApi(shortener, 'DELETE', '/api/v1/links/reborn')).status).toBe(204)
    expect((await callApi(shortener, 'GET', '/api/v1/links/reborn')).status).toBe(404)
    const second = await create({ url: 'https://example.com/new', alias: 'reborn' })
    expect(second.status).toBe(201)
    expect(second.body.version).toBeGreaterThan(first.body.version)
    expect((await callApi(shortener, 'GET', '/api/v1/links/reborn')).body.url).toBe('https://example.com/new')
  })
})

describe('an Idempotency-Key', () => {
  const body = { url: 'https://example.com/once', tags: ['a'], title: 'Once' }

  it('answers a retry like the first attempt, whatever happened to the link since', async () => {
    const headers = { 'idempotency-key': 'first-key' }
    const first = await create(body, headers)
    await callApi(shortener, 'PATCH', `/api/v1/links/${first.body.code}`, { title: 'Changed' })
    const before = await countLinks()
    const second = await create({ title: 'Once', tags: ['a'], url: body.url }, headers)
    expect(second.status).toBe(201)
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(await countLinks()).toBe(before)
  })

  it('answers a retry like the first attempt even when its expiry has passed since', async () => {
    const headers = { 'idempotency-key': 'soon-expired-key' }
    const expiresAtMs = Date.now() + 1_500
    const expiring = { ...body, expiresAt: new Date(expiresAtMs).toISOString() }
    const first = await create(expiring, headers)
    expect(first.status).toBe(201)
    await eventually(() => Date.now() > expiresAtMs)
    const second = await create(expiring, headers)
    expect(second.status).toBe(201)
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(second.body).toEqual(first.body)
    expect((await create(expiring)).body).toMatchObject({ field: 'expiresAt' })
  })

  it('is refused with another request', async () => {
    const headers = { 'idempotency-key': 'second-key' }
    await create(body, headers)
    const other = await create({ ...body, title: 'Other' }, headers)
    expect(other.status).toBe(422)
    expect(other.body).toMatchObject({ code: 'idempotency-mismatch', field: 'idempotency-key' })
  })

  it('makes one link of many concurrent attempts, on two instances', async () => {
    const other = await fleet.start()
    const before = (await countLinks()) ?? 0
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_none, index) =>
        untilAnswered(() =>
          callApi(index % 2 === 0 ? shortener : other, 'POST', '/api/v1/links', body, {
            'idempotency-key': 'third-key',
          }),
        ),
      ),
    )
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]))
    expect(new Set(answers.map((answer) => answer.body.code)).size).toBe(1)
    expect(await countLinks()).toBe(before + 1)
  })

  it('leaves no record of a create that failed', async () => {
    const headers = { 'idempotency-key': 'fourth-key' }
    await create({ url: 'https://example.com/', alias: 'in-the-way' })
    expect((await create({ url: 'https://example.com/x', alias: 'in-the-way' }, headers)).status).toBe(409)
    await callApi(shortener, 'DELETE', '/api/v1/links/in-the-way')
    expect((await create({ url: 'https://example.com/x', alias: 'in-the-way' }, headers)).status).toBe(201)
  })

  it('may be used again after a day', async () => {
    const headers = { 'idempotency-key': 'fifth-key' }
    const first = await create(body, headers)
    await pool.query(
      "UPDATE links.idempotency_records SET created_at = created_at - interval '24 hours 1 second'",
    )
    const second = await create({ ...body, title: 'Another day' }, headers)
    expect(second.status).toBe(201)
    expect(second.body.code).not.toBe(first.body.code)
  })

  it('of one caller is not that of another', async () => {
    const made = await callApi(shortener, 'POST', '/api/v1/keys', { name: 'somebody else', role: 'editor' })
    const headers = { 'idempotency-key': 'sixth-key' }
    const first = await create(body, headers)
    const second = await create(body, { ...headers, authorization: `Bearer ${made.body.key}` })
    expect(second.body.code).not.toBe(first.body.code)
  })
})
