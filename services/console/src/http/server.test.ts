import { LinkfleetError } from '@linkfleet/contracts/errors'
import { describe, expect, test } from 'vitest'
import { answerSessions, cookie, json, openConsole, ownOrigin, session } from '../testing/fixture.ts'
import { linkParams } from './link.ts'

describe('pages', () => {
  test.each(['/', '/links', '/links/abc1234', '/slo', '/slo/report', '/fleet', '/login'])(
    '%s is there without a session',
    async (url) => {
      await using console = await openConsole()
      const answer = await console.server.inject({ url, headers: { accept: 'text/html' } })
      expect(answer.statusCode).toBe(200)
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(answer.headers['cache-control']).toBe('no-cache')
      expect(console.shortener.asked).toEqual([])
    },
  )

  test('load nothing from elsewhere and run nothing inline', async () => {
    await using console = await openConsole()
    const { headers } = await console.server.inject({ url: '/' })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain('unsafe')
    expect(policy).not.toContain('http')
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  test('have files that may be kept for good', async () => {
    await using console = await openConsole()
    const answer = await console.server.inject({ url: '/assets/index-1a2b.js' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toContain('immutable')
    expect((await console.server.inject({ url: '/assets/../index.html' })).statusCode).toBe(404)
  })

  test('that do not exist are 404: a page for people, a problem for programs', async () => {
    await using console = await openConsole()
    const forPeople = await console.server.inject({ url: '/nowhere', headers: { accept: 'text/html' } })
    expect([forPeople.statusCode, forPeople.headers['content-type']]).toEqual([
      404,
      'text/html; charset=utf-8',
    ])
    const forPrograms = await console.server.inject({
      url: '/api/v1/nowhere',
      headers: { accept: 'text/html' },
    })
    expect(forPrograms.statusCode).toBe(404)
    expect(forPrograms.json()).toMatchObject({ code: 'not-found' })
  })
})

describe('forwarding', () => {
  test("a create carries the visitor's session, address and Idempotency-Key, and nothing else of theirs", async () => {
    await using console = await openConsole()
    console.shortener.answer = () => json(201, { code: 'abc1234' })
    const answer = await console.server.inject({
      method: 'POST',
      url: '/api/v1/links',
      headers: {
        ...ownOrigin,
        cookie,
        'idempotency-key': 'k1',
        authorization: 'Bearer of-the-visitor',
        'x-api-key': 'of-the-visitor',
        'x-forwarded-for': '203.0.113.9',
      },
      body: { url: 'https://example.com/' },
    })
    expect([answer.statusCode, answer.json()]).toEqual([201, { code: 'abc1234' }])
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(console.shortener.asked).toEqual([
      {
        method: 'POST',
        path: '/api/v1/links',
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${session}`,
          'content-type': 'application/json',
          'idempotency-key': 'k1',
          'x-forwarded-for': '203.0.113.9, 127.0.0.1',
        },
        body: '{"url":"https://example.com/"}',
      },
    ])
  })

  test('without a session gains no rights, also from this machine', async () => {
    await using console = await openConsole()
    const answer = await console.server.inject({ url: '/api/v1/links' })
    expect(answer.statusCode).toBe(401)
    expect(console.shortener.asked[0]?.headers).toEqual({
      accept: 'application/json',
      'x-forwarded-for': '127.0.0.1',
    })
  })

  test('keeps a code and a query where they belong', async () => {
    await using console = await openConsole()
    await console.server.inject({
      url: '/api/v1/links/a_B-9/stats?interval=hour&from=2026-01-01T00:00:00Z',
      headers: { cookie },
    })
    expect(console.analytics.asked[0]?.path).toBe(
      '/api/v1/links/a_B-9/stats?interval=hour&from=2026-01-01T00%3A00%3A00Z',
    )
    await console.server.inject({ url: '/api/v1/links?search=a%26limit%3D9&limit=5', headers: { cookie } })
    expect(console.shortener.asked[0]?.path).toBe('/api/v1/links?search=a%26limit%3D9&limit=5')
  })

  test.each([
    '/api/v1/links?unknown=1',
    '/api/v1/links?limit=1000',
    '/api/v1/links/abc/stats?interval=second',
  ])('%s is refused before any service is asked', async (url) => {
    await using console = await openConsole()
    const answer = await console.server.inject({ url, headers: { cookie } })
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid-request'])
    expect([...console.shortener.asked, ...console.analytics.asked]).toEqual([])
  })

  test.each(['..%2Fkeys', 'a%2Fb', 'a%3Fb', 'a.b', 'a%0A', 'a'.repeat(65)])(
    '%s is no code, so no service is asked for another path',
    async (code) => {
      await using console = await openConsole()
      const url = `/api/v1/links/${code}`
      for (const options of [
        { method: 'GET', url },
        { method: 'GET', url: `${url}/stats` },
        { method: 'PATCH', url, payload: {} },
        { method: 'DELETE', url },
      ] as const) {
        const answer = await console.server.inject({ ...options, headers: { cookie, ...ownOrigin } })
        expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid-request'])
      }
      expect([...console.shortener.asked, ...console.analytics.asked]).toEqual([])
    },
  )

  // An injected request resolves dot segments before the routes see them; one from the network need not.
  test.each(['.', '..'])('%s is no code', (code) => {
    expect(code).not.toMatch(new RegExp(linkParams.properties.code.pattern))
  })

  test('passes a refusal on with the field that it names, and its Retry-After', async () => {
    await using console = await openConsole()
    console.shortener.answer = () => {
      const refusal = json(409, { code: 'alias-taken', field: 'alias' })
      return { ...refusal, headers: { ...refusal.headers, 'retry-after': '3' } }
    }
    const answer = await console.server.inject({
      method: 'POST',
      url: '/api/v1/links',
      headers: { ...ownOrigin, cookie },
      body: {},
    })
    expect([answer.statusCode, answer.json(), answer.headers['retry-after']]).toEqual([
      409,
      { code: 'alias-taken', field: 'alias' },
      '3',
    ])
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  })

  test('a body of more than 64 KiB is refused', async () => {
    await using console = await openConsole()
    const body = { url: 'x'.repeat(70_000) }
    const answer = await console.server.inject({
      method: 'POST',
      url: '/api/v1/links',
      headers: { ...ownOrigin, cookie },
      body,
    })
    expect(answer.statusCode).toBe(413)
    expect(console.shortener.asked).toEqual([])
  })
})

test.each([
  ['POST', '/api/v1/links'],
  ['PATCH', '/api/v1/links/abc1234'],
  ['DELETE', '/api/v1/links/abc1234'],
  ['DELETE', '/api/console/session'],
] as const)('%s %s from another site is refused before anything happens', async (method, url) => {
  await using console = await openConsole()
  const headers = { cookie, host: 'localhost:80', origin: 'https://evil.example' }
  const answer = await console.server.inject({
    method,
    url,
    headers,
    ...(method === 'DELETE' ? {} : { body: {} }),
  })
  expect([answer.statusCode, answer.json().field]).toEqual([403, 'origin'])
  expect(answer.headers['set-cookie']).toBeUndefined()
  expect(console.shortener.asked).toEqual([])
  expect(await console.metrics.registry.metrics()).toContain('console_foreign_origin_refusals_total 1')
})

describe('the session', () => {
  test('is told with its role and the base of short URLs', async () => {
    await using console = await openConsole()
    const answer = await console.server.inject({ url: '/api/console/session', headers: { cookie } })
    expect(answer.json()).toEqual({
      role: 'editor',
      expiresAt: '2099-01-01T00:00:00.000Z',
      publicUrl: 'https://lnk.example',
    })
  })

  test('that the shortener does not know is 401, and its cookie goes', async () => {
    await using console = await openConsole()
    const answer = await console.server.inject({
      url: '/api/console/session',
      headers: { cookie: `linkfleet_session=${'x'.repeat(20)}` },
    })
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['set-cookie']).toContain('linkfleet_session=; Max-Age=0; Path=/;')
  })

  test('is over for the browser even when the shortener cannot be told', async () => {
    await using console = await openConsole()
    console.shortener.answer = () => {
      throw new LinkfleetError('unavailable', 'away')
    }
    const answer = await console.server.inject({
      method: 'DELETE',
      url: '/api/console/session',
      headers: { ...ownOrigin, cookie },
    })
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['set-cookie']).toContain('linkfleet_session=;')
  })

  test('ends at the shortener and is forgotten at once', async () => {
    await using console = await openConsole()
    await console.server.inject({ url: '/api/console/fleet', headers: { cookie } })
    console.shortener.answer = (request) =>
      request.method === 'DELETE' ? { status: 204, headers: {}, body: '' } : json(401, {})
    const left = await console.server.inject({
      method: 'DELETE',
      url: '/api/console/session',
      headers: { ...ownOrigin, cookie },
    })
    expect(left.statusCode).toBe(204)
    expect((await console.server.inject({ url: '/api/console/fleet', headers: { cookie } })).statusCode).toBe(
      401,
    )
  })
})

describe.each(['/api/console/slo', '/api/console/fleet'])('%s', (url) => {
  test('is for people with a session', async () => {
    await using console = await openConsole()
    expect((await console.server.inject({ url })).statusCode).toBe(401)
    expect((await console.server.inject({ url, headers: { cookie } })).statusCode).toBe(200)
  })

  test('stays open to a session seen lately while the shortener is away, and to no other', async () => {
    await using console = await openConsole()
    await console.server.inject({ url, headers: { cookie } })
    console.shortener.answer = () => {
      throw new LinkfleetError('unavailable', 'away')
    }
    console.passMs(5 * 60_000)
    expect((await console.server.inject({ url, headers: { cookie } })).statusCode).toBe(200)
    const other = { cookie: `linkfleet_session=${'y'.repeat(20)}` }
    expect((await console.server.inject({ url, headers: other })).statusCode).toBe(503)
    console.passMs(15 * 60_000)
    expect((await console.server.inject({ url, headers: { cookie } })).statusCode).toBe(503)
    console.shortener.answer = answerSessions
    expect((await console.server.inject({ url, headers: { cookie } })).statusCode).toBe(200)
  })
})

test('the SLO page takes a range from its list and nothing else', async () => {
  await using console = await openConsole()
  const answer = await console.server.inject({ url: '/api/console/slo?range=1y', headers: { cookie } })
  expect([answer.statusCode, answer.json().field]).toEqual([400, 'range'])
})
