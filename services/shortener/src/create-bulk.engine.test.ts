import type { Pool } from '@linkfleet/runtime/postgres'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { type Answer, callApi, codesInMemory, openTestFleet, type TestFleet } from './testing/start.ts'

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

const bulk = (body: unknown, headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links/bulk', body, headers)
const urls = (count: number, path = 'bulk') =>
  Array.from({ length: count }, (_none, n) => ({ url: `https://example.com/${path}/${n}` }))
const statusesOf = (answer: Answer) => answer.body.results.map(({ status }: { status: number }) => status)
const countLinks = async () =>
  (await pool.query<{ count: number }>('SELECT count(*) FROM links.links')).rows[0]?.count ?? -1

describe('a bulk', () => {
  it('of a thousand makes them all, answered in order, each with a code of its own', async () => {
    const before = await countLinks()
    const answer = await bulk({ links: urls(1_000) })
    expect(answer.status).toBe(200)
    expect(statusesOf(answer)).toEqual(Array(1_000).fill(201))
    const links = answer.body.results.map(({ link }: { link: { url: string; code: string } }) => link)
    expect(links.map(({ url }: { url: string }) => url)).toEqual(urls(1_000).map(({ url }) => url))
    expect(new Set(links.map(({ code }: { code: string }) => code)).size).toBe(1_000)
    expect(await countLinks()).toBe(before + 1_000)
    const { clicks: _clicks, ...read } = (await callApi(shortener, 'GET', `/api/v1/links/${links[999].code}`))
      .body
    expect(read).toEqual(links[999])
  })

  it('answers good and bad items each by itself, and names what is wrong with each', async () => {
    await callApi(shortener, 'POST', '/api/v1/links', { url: 'https://example.com/', alias: 'bulk-taken' })
    const before = await countLinks()
    const answer = await bulk({
      links: [
        { url: 'https://example.com/good' },
        { url: 'javascript:alert(1)' },
        { url: 'https://example.com/', alias: 'no good' },
        { url: 'https://example.com/', alias: 'bulk-taken' },
        { url: 42 },
        {},
        null,
        'https://example.com/',
        { url: 'https://example.com/', tags: ['a', ' '] },
        { url: 'https://example.com/', colour: 'red' },
        { url: 'https://example.com/', alias: 'bulk-good', title: 'Good', redirectStatus: 301 },
      ],
    })
    expect(answer.status).toBe(200)
    const told = answer.body.results.map(
      ({ status, error }: { status: number; error?: { code: string; field: string; detail: string } }) => {
        if (error !== undefined) expect(error.detail).toEqual(expect.any(String))
        return [status, error?.code, error?.field]
      },
    )
    expect(told).toEqual([
      [201, undefined, undefined],
      [400, 'invalid-url', 'links.1.url'],
      [400, 'invalid-alias', 'links.2.alias'],
      [409, 'alias-taken', 'links.3.alias'],
      [400, 'invalid-request', 'links.4.url'],
      [400, 'invalid-request', 'links.5.url'],
      [400, 'invalid-request', 'links.6'],
      [400, 'invalid-request', 'links.7'],
      [400, 'invalid-request', 'links.8.tags.1'],
      [400, 'invalid-request', 'links.9.colour'],
      [201, undefined, undefined],
    ])
    expect(answer.body.results[6].error.detail).toBe('The item must be an object with a url.')
    expect(answer.body.results[10].link).toMatchObject({
      code: 'bulk-good',
      title: 'Good',
      redirectStatus: 301,
    })
    expect(await countLinks()).toBe(before + 2)
  })

  it('gives an alias that it names twice to the first', async () => {
    const answer = await bulk({
      links: ['first', 'second', 'third'].map((path) => ({
        url: `https://example.com/${path}`,
        alias: 'named-thrice',
      })),
    })
    expect(statusesOf(answer)).toEqual([201, 409, 409])
    const read = await callApi(shortener, 'GET', '/api/v1/links/named-thrice')
    expect(read.body.url).toBe('https://example.com/first')
  })

  it('replaces a generated code that is somebody’s alias', async () => {
    await callApi(shortener, 'POST', '/api/v1/links', { url: 'https://example.com/', alias: 'Bulk001' })
    let made = 0
    const codes = codesInMemory(() => (made++ % 10 === 0 ? 'Bulk001' : `Bulk${100 + made}`))
    const other = await fleet.start({}, { codes })
    const answer = await callApi(other, 'POST', '/api/v1/links/bulk', { links: urls(20) })
    expect(statusesOf(answer)).toEqual(Array(20).fill(201))
    const given = answer.body.results.map(({ link }: { link: { code: string } }) => link.code)
    expect(new Set(given).size).toBe(20)
    expect(given).not.toContain('Bulk001')
  })

  it('takes few passwords, and links may share one', async () => {
    const links = Array.from({ length: 8 }, (_none, n) => ({
      url: `https://example.com/secret/${n}`,
      password: `word ${n % 6}`,
    }))
    const answer = await bulk({ links })
    expect(statusesOf(answer)).toEqual([201, 201, 201, 201, 400, 400, 201, 201])
    expect(answer.body.results[4].error).toMatchObject({ field: 'links.4.password' })
    expect(answer.body.results[6].link.hasPassword).toBe(true)
  })

  it('makes nothing when there are not codes for all of it, and says so', async () => {
    let left = 30
    const codes = codesInMemory(() => {
      if (left-- <= 0) throw new Error('away')
      return `few${left}`
    })
    const other = await fleet.start({}, { codes })
    const before = await countLinks()
    const answer = await callApi(other, 'POST', '/api/v1/links/bulk', { links: urls(40) })
    expect(answer.status).toBe(503)
    expect(answer.body.code).toBe('not-created')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await countLinks()).toBe(before)
  })
})

describe('a bulk with what others hold', () => {
  it('refuses the held aliases alone, within its bound, and makes the rest', async () => {
    const held = ['held-1', 'held-2', 'held-3', 'held-4', 'held-5']
    const done = Promise.withResolvers<void>()
    const holding = Promise.withResolvers<void>()
    const other = pool
      .transaction(async (transaction) => {
        await transaction.query({
          text: `INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at, updated_at)
            SELECT code, 1, 1, 'https://example.com/', 'test', now(), now() FROM unnest($1::text[]) AS code`,
          values: [held],
        })
        holding.resolve()
        await done.promise
        throw new Error('rolled back')
      })
      .catch(() => {})
    await holding.promise
    const links = urls(200).map((link, n) => (n % 40 === 7 ? { ...link, alias: held[(n - 7) / 40] } : link))
    const answer = await bulk({ links })
    done.resolve()
    await other
    expect(answer.status).toBe(200)
    expect(statusesOf(answer)).toEqual(links.map((_link, n) => (n % 40 === 7 ? 503 : 201)))
    expect(answer.body.results[7].error).toMatchObject({ code: 'not-created', field: 'links.7' })
  })
})

describe('an Idempotency-Key of a bulk', () => {
  const links = [
    { url: 'https://example.com/kept' },
    { url: 'nonsense' },
    { url: 'https://example.com/kept', alias: 'bulk-kept', password: 'open' },
  ]

  it('answers a retry like the first attempt, whatever happened since, and makes nothing', async () => {
    const headers = { 'idempotency-key': 'bulk-1' }
    const first = await bulk({ links }, headers)
    expect(statusesOf(first)).toEqual([201, 400, 201])
    await callApi(shortener, 'DELETE', '/api/v1/links/bulk-kept')
    const before = await countLinks()
    const second = await bulk({ links }, headers)
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(await countLinks()).toBe(before)
  })

  it('is refused with another bulk, also one that differs only in a password, and with a single create', async () => {
    const headers = { 'idempotency-key': 'bulk-1' }
    const other = links.map((link) => ('password' in link ? { ...link, password: 'shut' } : link))
    for (const body of [{ links: links.slice(1) }, { links: other }]) {
      const answer = await bulk(body, headers)
      expect(answer.status).toBe(422)
      expect(answer.body).toMatchObject({ code: 'idempotency-mismatch', field: 'idempotency-key' })
    }
    const single = { url: 'https://example.com/kept' }
    expect((await callApi(shortener, 'POST', '/api/v1/links', single, headers)).status).toBe(422)
  })

  it('makes one bulk of many concurrent attempts, on two instances', async () => {
    const other = await fleet.start()
    const before = await countLinks()
    const headers = { 'idempotency-key': 'bulk-2' }
    const body = { links: urls(50, 'once') }
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_none, n) =>
        callApi(n % 2 === 0 ? shortener : other, 'POST', '/api/v1/links/bulk', body, headers),
      ),
    )
    for (const answer of answers) {
      expect([200, 503]).toContain(answer.status)
      if (answer.status === 503) expect(answer.body.code).toBe('outcome-unknown')
    }
    const settled = await bulk(body, headers)
    expect(settled.status).toBe(200)
    for (const answer of answers) if (answer.status === 200) expect(answer.body).toEqual(settled.body)
    expect(await countLinks()).toBe(before + 50)
  })

  it('may be used again after a day', async () => {
    const headers = { 'idempotency-key': 'bulk-3' }
    await bulk({ links: urls(2) }, headers)
    await pool.query(
      "UPDATE links.idempotency_records SET created_at = created_at - interval '24 hours 1 second'",
    )
    const again = await bulk({ links: urls(3) }, headers)
    expect(statusesOf(again)).toEqual([201, 201, 201])
    expect(again.headers.get('idempotency-replayed')).toBeNull()
  })
})

describe('a bulk that is wrong as a whole', () => {
  it.each([
    ['1,001 links', { links: urls(1_001) }, 400, 'links'],
    ['no links', { links: [] }, 400, 'links'],
    ['links that are no array', { links: { url: 'https://example.com/' } }, 400, 'links'],
    ['links that are null', { links: null }, 400, 'links'],
    ['without links', {}, 400, 'links'],
    ['an array', [{ url: 'https://example.com/' }], 400, 'body'],
    ['a text', '"links"', 400, 'body'],
    ['an unknown field', { links: urls(1), atomic: true }, 400, 'atomic'],
    ['no JSON', '{"links":[', 400, 'body'],
    ['more values than links can have', `{"links":[${'{},'.repeat(32_000)}{}]}`, 400, 'body'],
    ['over 4 MiB', { links: [{ url: `https://example.com/${'a'.repeat(4 * 1024 * 1024)}` }] }, 413, 'body'],
  ])('(%s) is refused, the field is named, and nothing is stored', async (_name, body, status, field) => {
    const before = await countLinks()
    const answer = await bulk(body)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.body).toMatchObject({ status, field })
    expect(await countLinks()).toBe(before)
  })
})
