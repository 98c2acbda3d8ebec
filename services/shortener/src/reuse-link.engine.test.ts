import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { callApi, openTestFleet, type TestFleet, untilAnswered } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start()
  await eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links')).status === 200)
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

/** With its connections open: a burst is to meet a running instance. */
async function startAnother(): Promise<Shortener> {
  const other = await fleet.start()
  await eventually(async () => (await callApi(other, 'GET', '/api/v1/links')).status === 200)
  return other
}

interface BulkLink {
  readonly status: number
  readonly link: { readonly code: string }
}

async function countLinksTo(url: string): Promise<number> {
  const list = await callApi(shortener, 'GET', `/api/v1/links?limit=100&search=${encodeURIComponent(url)}`)
  return list.body.links.filter((link: { url: string }) => link.url === url).length
}

let urlsMade = 0
const newUrl = () => `https://example.com/reuse/${urlsMade++}`
const create = (body: object, headers: Record<string, string> = {}, at = shortener) =>
  callApi(at, 'POST', '/api/v1/links', body, headers)
const reuse = (body: object, headers: Record<string, string> = {}, at = shortener) =>
  create({ ...body, reuseExisting: true }, headers, at)

describe('reuseExisting', () => {
  it('makes a link when there is none, and answers 200 with it from then on', async () => {
    const url = newUrl()
    const first = await reuse({ url })
    expect(first.status).toBe(201)
    const second = await reuse({ url })
    expect(second.status).toBe(200)
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
  })

  it('finds a link that was made without it, however its URL was written', async () => {
    const url = newUrl()
    const { code } = (await create({ url, title: 'Mine', tags: ['a'] })).body
    const found = await reuse({ url: url.replace('https://example.com', 'HTTPS://EXAMPLE.com:443/x/..') })
    expect([found.status, found.body.code]).toEqual([200, code])
    expect((await create({ url })).body.code).not.toBe(code)
  })

  it.each([
    'https://example.com/?a\\b=\\x41\\\\c',
    'https://example.com/%5C?q=%00',
    "https://example.com/?it's=$1",
  ])('finds %s, whatever its characters mean elsewhere', async (url) => {
    const first = await reuse({ url })
    const second = await reuse({ url })
    expect([first.status, second.status, second.body.code]).toEqual([201, 200, first.body.code])
  })

  it('makes one link of two hundred that ask two instances at once', async () => {
    const other = await startAnother()
    const url = newUrl()
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_none, n) =>
        untilAnswered(() => reuse({ url }, {}, n % 2 === 0 ? shortener : other)),
      ),
    )
    const made = answers.filter(({ status }) => status === 201)
    expect(made.length).toBeLessThanOrEqual(1)
    expect(new Set(answers.map(({ body }) => body.code)).size).toBe(1)
    expect(await countLinksTo(url)).toBe(1)
  })

  it('makes one link of singles and bulks that ask two instances at once', async () => {
    const other = await startAnother()
    const url = newUrl()
    const item = { url, reuseExisting: true }
    const ask = async (n: number): Promise<string[]> => {
      const at = n % 2 === 0 ? shortener : other
      if (n % 5 !== 0) {
        return [(await untilAnswered(() => reuse({ url }, {}, at))).body.code]
      }
      const links = [item, item, { url: newUrl() }]
      const answer = await untilAnswered(() => callApi(at, 'POST', '/api/v1/links/bulk', { links }))
      const made = answer.body.results.slice(0, 2)
      // An item that somebody holds up for long is told to come back by itself.
      return made.flatMap(({ status, link }: BulkLink) => (status === 503 ? [] : [link.code]))
    }
    const codes = await Promise.all(Array.from({ length: 40 }, (_none, n) => ask(n)))
    expect(new Set(codes.flat()).size).toBe(1)
    expect(await countLinksTo(url)).toBe(1)
  })

  it('reuses what does the same for visitors and nothing else', async () => {
    const url = newUrl()
    const plain = (await reuse({ url })).body.code
    const others = [
      { redirectStatus: 301 },
      { forwardQuery: true },
      { startsAt: '2097-01-01T00:00:00Z' },
      { expiresAt: '2098-01-01T00:00:00Z' },
    ]
    for (const options of others) {
      const made = await reuse({ url, ...options })
      expect(made.status).toBe(201)
      expect((await reuse({ url, ...options })).body.code).toBe(made.body.code)
    }
    expect((await reuse({ url })).body.code).toBe(plain)
  })

  it('finds its link behind any number of others to the same URL', async () => {
    const url = newUrl()
    const wanted = { url, title: 'Mine', tags: ['b', 'a'] }
    const { code } = (await create(wanted)).body
    const plain = (await create({ url })).body.code
    for (const options of [{ redirectStatus: 301 }, { expiresAt: '2098-01-01T00:00:00Z' }]) {
      const links = Array.from({ length: 100 }, () => ({ url, title: 'Other', tags: ['a'], ...options }))
      expect((await callApi(shortener, 'POST', '/api/v1/links/bulk', { links })).status).toBe(200)
    }
    expect((await reuse({ url })).body.code).toBe(plain)
    expect((await reuse({ ...wanted, tags: ['a', 'b'] })).body.code).toBe(code)
  })

  it('never reuses a link with a password or a limit', async () => {
    const url = newUrl()
    for (const options of [{ password: 'open' }, { maxClicks: 5 }]) {
      expect((await reuse({ url, ...options })).status).toBe(201)
      expect((await reuse({ url, ...options })).status).toBe(201)
    }
    expect((await reuse({ url })).status).toBe(201)
  })

  it('asks for the same title and tags only when they are given', async () => {
    const url = newUrl()
    const { code } = (await create({ url, title: 'Mine', tags: ['a', 'b'] })).body
    expect((await reuse({ url, title: 'Mine', tags: ['b', 'a'] })).body.code).toBe(code)
    expect((await reuse({ url, title: 'Yours' })).status).toBe(201)
    expect((await reuse({ url, tags: ['a'] })).status).toBe(201)
  })

  it('follows edits, and never answers with what was deleted', async () => {
    const [url, moved] = [newUrl(), newUrl()]
    const { code } = (await reuse({ url })).body
    await callApi(shortener, 'PATCH', `/api/v1/links/${code}`, { url: moved })
    expect((await reuse({ url: moved })).body.code).toBe(code)
    expect((await reuse({ url })).status).toBe(201)
    await callApi(shortener, 'DELETE', `/api/v1/links/${code}`)
    expect((await reuse({ url: moved })).status).toBe(201)
  })

  it('with an alias answers with the link of that alias, if it leads there', async () => {
    const url = newUrl()
    expect((await reuse({ url, alias: 'reused-alias' })).status).toBe(201)
    expect((await reuse({ url, alias: 'reused-alias' })).status).toBe(200)
    const other = await reuse({ url: newUrl(), alias: 'reused-alias' })
    expect(other.status).toBe(409)
    expect((await reuse({ url, alias: 'another-alias' })).status).toBe(201)
  })

  it('shows callers who may not read links none but their own', async () => {
    const open = await fleet.start({ ANONYMOUS_LOOPBACK: 'true' })
    const url = newUrl()
    const admins = await reuse({ url, title: 'Confidential' })
    const anonymous = async () => {
      const response = await fetch(`${open.url}/api/v1/links`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url, reuseExisting: true }),
      })
      return { status: response.status, code: ((await response.json()) as { code: string }).code }
    }
    const first = await anonymous()
    expect(first.status).toBe(201)
    expect(first.code).not.toBe(admins.body.code)
    expect(await anonymous()).toEqual({ status: 200, code: first.code })
  })

  it('keeps the answer to an Idempotency-Key, new or reused', async () => {
    const url = newUrl()
    const first = await reuse({ url }, { 'idempotency-key': 'reuse-1' })
    const second = await reuse({ url }, { 'idempotency-key': 'reuse-2' })
    expect([first.status, second.status]).toEqual([201, 200])
    await callApi(shortener, 'DELETE', `/api/v1/links/${first.body.code}`)
    for (const [key, answer] of [
      ['reuse-1', first],
      ['reuse-2', second],
    ] as const) {
      const again = await reuse({ url }, { 'idempotency-key': key })
      expect(again.status).toBe(answer.status)
      expect(again.body).toEqual(answer.body)
      expect((await reuse({ url: newUrl() }, { 'idempotency-key': key })).status).toBe(422)
    }
  })

  it('in a bulk makes one link of equal items, and finds those there are', async () => {
    const [known, url] = [newUrl(), newUrl()]
    const { code } = (await create({ url: known })).body
    const links = [known, url, url, known, url].map((each) => ({ url: each, reuseExisting: true }))
    const answer = await callApi(shortener, 'POST', '/api/v1/links/bulk', { links })
    const told = answer.body.results.map(({ status, link }: { status: number; link: { code: string } }) => [
      status,
      link.code,
    ])
    const made = told[1][1]
    expect(told).toEqual([
      [200, code],
      [201, made],
      [200, made],
      [200, code],
      [200, made],
    ])
  })
})
