import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { callApi, openTestFleet, type TestFleet } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener

const totals = {
  totals: async (keys: readonly { code: string }[]) =>
    keys.map(({ code }) => (code === 'uncounted' ? null : 7)),
  state: () => 'up',
  [Symbol.dispose]: () => {},
}

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start({ ANONYMOUS_LOOPBACK: 'true' }, { totals })
  await eventually(async () => (await call('GET', '/api/v1/links')).status === 200)
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  callApi(shortener, method, path, body, headers)
async function create(fields: Record<string, unknown> = {}) {
  const answer = await call('POST', '/api/v1/links', { url: 'https://example.com/', ...fields })
  expect(answer.status).toBe(201)
  return answer.body
}

describe('a link', () => {
  it('is read with its clicks and its version as entity tag', async () => {
    const link = await create({ title: 'Read me' })
    const { status, headers, body } = await call('GET', `/api/v1/links/${link.code}`)
    expect(status).toBe(200)
    expect(headers.get('etag')).toBe(`"${link.version}"`)
    expect(body).toEqual({ ...link, clicks: 7 })
  })

  it('tells null where the clicks are not known', async () => {
    await create({ alias: 'uncounted' })
    expect((await call('GET', '/api/v1/links/uncounted')).body.clicks).toBeNull()
  })

  it('is changed in the fields that are given and in no other', async () => {
    const link = await create({ title: 'Old', tags: ['a'], expiresAt: '2099-01-01T00:00:00Z' })
    const path = `/api/v1/links/${link.code}`
    const titled = await call('PATCH', path, { title: 'New' })
    expect(titled.body).toEqual({
      ...link,
      title: 'New',
      version: titled.body.version,
      updatedAt: titled.body.updatedAt,
    })
    expect(titled.body.version).toBeGreaterThan(link.version)
    const cleared = await call('PATCH', path, {
      title: null,
      expiresAt: null,
      tags: [],
      url: 'https://example.com/2',
    })
    expect(cleared.body).toMatchObject({
      title: null,
      expiresAt: null,
      tags: [],
      url: 'https://example.com/2',
    })
  })

  it('is changed only at the version that If-Match names', async () => {
    const link = await create()
    const path = `/api/v1/links/${link.code}`
    const first = await call('PATCH', path, { title: 'One' }, { 'if-match': `"${link.version}"` })
    expect(first.status).toBe(200)
    const late = await call('PATCH', path, { title: 'Two' }, { 'if-match': `"${link.version}"` })
    expect(late.status).toBe(412)
    expect(late.body).toMatchObject({ code: 'version-mismatch', field: 'if-match' })
    expect((await call('DELETE', path, undefined, { 'if-match': `"${link.version}"` })).status).toBe(412)
    expect((await call('DELETE', path, undefined, { 'if-match': 'nonsense' })).status).toBe(400)
    const tag = first.headers.get('etag') ?? ''
    expect((await call('DELETE', path, undefined, { 'if-match': `"${link.version}", "1"` })).status).toBe(412)
    const either = { 'if-match': `"${link.version}", ${tag}` }
    expect((await call('DELETE', path, undefined, either)).status).toBe(204)
  })

  it('of many concurrent edits with If-Match takes exactly one', async () => {
    const link = await create()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_none, n) =>
        call('PATCH', `/api/v1/links/${link.code}`, { title: `t${n}` }, { 'if-match': `"${link.version}"` }),
      ),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, ...Array(9).fill(412)])
  })

  it('is gone for the API once it is deleted', async () => {
    const { code } = await create()
    expect((await call('DELETE', `/api/v1/links/${code}`)).status).toBe(204)
    for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { title: 'x' }]] as const) {
      expect((await call(method, `/api/v1/links/${code}`, body)).status).toBe(404)
    }
  })

  it.each([
    [{ url: 'javascript:x' }, 'url'],
    [{ expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ alias: 'other' }, 'alias'],
    [{}, 'body'],
  ])('refuses the edit %j', async (body, field) => {
    const { code } = await create()
    const answer = await call('PATCH', `/api/v1/links/${code}`, body)
    expect(answer.status).toBe(400)
    expect(answer.body.field).toBe(field)
  })

  it('has QR codes', async () => {
    const { code } = await create()
    const svg = await call('GET', `/api/v1/links/${code}/qr.svg`)
    expect(svg.headers.get('content-type')).toContain('image/svg+xml')
    expect(svg.body).toContain('<svg')
    const png = await call('GET', `/api/v1/links/${code}/qr.png?size=128`)
    expect(png.headers.get('content-type')).toBe('image/png')
    expect(png.body).toContain('PNG')
    expect((await call('GET', '/api/v1/links/unknown/qr.svg')).status).toBe(404)
    expect((await call('GET', `/api/v1/links/${code}/qr.png?size=9999`)).body.field).toBe('size')
  })
})

describe('the list', () => {
  it('goes through all links, newest first, each once, in pages', async () => {
    const tag = uniqueName('paged')
    const made = []
    for (let n = 0; n < 7; n++) made.unshift((await create({ tags: [tag, 'other'] })).code)
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call('GET', `/api/v1/links?limit=3&tag=${tag}${cursor && `&cursor=${cursor}`}`)
      expect(body.links.length).toBeLessThanOrEqual(3)
      seen.push(...body.links.map((link: { code: string }) => link.code))
      cursor = body.nextCursor ?? ''
    } while (cursor !== '')
    expect(seen).toEqual(made)
  })

  it('finds by part of the code, the title and the target, whatever the case, and takes wildcards literally', async () => {
    const word = uniqueName('Word')
    const titled = await create({ title: `A ${word} here` })
    const targeted = await create({ url: `https://example.com/${word}` })
    const aliased = await create({ alias: `x-${word}` })
    await create({ title: 'something else' })
    const found = await call('GET', `/api/v1/links?search=${word.toLowerCase()}`)
    expect(found.body.links.map((link: { code: string }) => link.code)).toEqual([
      aliased.code,
      targeted.code,
      titled.code,
    ])
    expect(found.body.nextCursor).toBeNull()
    expect((await call('GET', `/api/v1/links?search=${word}%25`)).body.links).toEqual([])
    const pages = await call('GET', `/api/v1/links?search=${word}&limit=2`)
    const rest = await call('GET', `/api/v1/links?search=${word}&limit=2&cursor=${pages.body.nextCursor}`)
    expect(rest.body.links.map((link: { code: string }) => link.code)).toEqual([titled.code])
  })
})

describe('gRPC', () => {
  it('resolves links on the primary: live, deleted and unknown, with the moment of the answer', async () => {
    using client = openGrpcClient(LinksClient, { addresses: [shortener.address], deadlineMs: 20_000 })
    const live = await create({ expiresAt: '2099-01-01T00:00:00Z' })
    const deleted = await create()
    await call('DELETE', `/api/v1/links/${deleted.code}`)
    const beforeMs = Date.now()
    const answer = await client.call((links) => links.resolveLinks, {
      keys: [live.code, deleted.code, 'unknown'].map((code) => ({ domainId: 1, code })),
    })
    expect(answer.asOfMs).toBeGreaterThanOrEqual(beforeMs - 100)
    expect(answer.timeline).toBeGreaterThan(0)
    expect(new Map(answer.links.map((link) => [link.code, link.state]))).toEqual(
      new Map([
        [live.code, LinkState.LIVE],
        [deleted.code, LinkState.DELETED],
      ]),
    )
    expect(answer.links.find((link) => link.code === live.code)).toMatchObject({
      targetUrl: 'https://example.com/',
      version: live.version,
      redirectStatus: 302,
      expiresAtMs: Date.parse('2099-01-01T00:00:00Z'),
    })
    await expect(client.call((links) => links.resolveLinks, { keys: [] })).rejects.toMatchObject({
      code: 'invalid-request',
      field: 'keys',
    })
  })
})

describe('the description', () => {
  it('is OpenAPI 3.1 with every route, and can be browsed', async () => {
    const { body } = await call('GET', '/api/v1/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths).sort()).toEqual([
      '/api/v1/keys',
      '/api/v1/keys/{id}',
      '/api/v1/links',
      '/api/v1/links/bulk',
      '/api/v1/links/{code}',
      '/api/v1/links/{code}/qr.png',
      '/api/v1/links/{code}/qr.svg',
      '/api/v1/login-tokens',
      '/api/v1/sessions',
      '/api/v1/sessions/current',
    ])
    const docs = await call('GET', '/api/v1/docs/')
    expect(docs.headers.get('content-type')).toContain('text/html')
  })
})
