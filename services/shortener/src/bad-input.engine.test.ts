import type { Pool } from '@linkfleet/runtime/postgres'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { adminKey, callApi, openTestFleet, type TestFleet } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener
let pool: Pool

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start({ ANONYMOUS_LOOPBACK: 'true' })
  pool = openTestPool(fleet.database.url, { maxConnections: 1, statementTimeoutMs: 5_000 })
  const taken = { url: 'https://example.com/', alias: 'taken-alias' }
  const anonymous = { authorization: '', host: 'localhost' }
  expect((await post(taken, anonymous)).status).toBe(201)
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
})

/** As an anonymous caller of this machine: fetch leaves an empty header out only when it is not given. */
async function post(body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${shortener.url}/api/v1/links`, {
    method: 'POST',
    signal: AbortSignal.timeout(10_000),
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as { detail: string },
  }
}

async function rows(): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT
    (SELECT count(*) FROM links.links) + (SELECT count(*) FROM links.idempotency_records) AS count`)
  return rows[0]?.count ?? -1
}

const url = 'https://example.com/'
const badUrls: [string, unknown][] = [
  ['no url', undefined],
  ['an empty url', ''],
  ['a url that is a number', 42],
  ['a url that is null', null],
  ['no absolute url', '/path'],
  ['javascript:', 'javascript:alert(1)'],
  ['javascript: behind a space and a line break', ' java\nscript:alert(1)'],
  ['data:', 'data:text/html,x'],
  ['ftp:', 'ftp://example.com/'],
  ['file:', 'file:///etc/passwd'],
  ['a password', 'https://user:secret@example.com/'],
  ['2,049 characters', `https://example.com/${'a'.repeat(2_049 - 20)}`],
  ['2,048 characters that grow when encoded', `https://example.com/${'ä'.repeat(1_000)}`],
  ...[
    'http://localhost/',
    'http://localhost./',
    'http://LOCALHOST:8080/',
    'http://app.localhost/',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://①②⑦.⓪.⓪.①/',
    'http://127。0。0。1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::127.0.0.1]/',
    'http:\\\\127.0.0.1\\',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://intranet/',
  ].map((bad): [string, string] => [bad, bad]),
  ['the fleet itself', 'https://go.example.com/abc'],
  ['the fleet itself on another port', 'http://GO.example.com.:99/abc'],
  ['the console', 'https://console.example.com/'],
]

const badRequests: [string, unknown, number, string][] = [
  ...badUrls.map(([name, bad]): [string, unknown, number, string] => [name, { url: bad }, 400, 'url']),
  ['not JSON', '{"url":', 400, 'body'],
  ['an empty body', '', 400, 'body'],
  ['a JSON text', '"https://example.com/"', 400, 'body'],
  ['a JSON array', '[]', 400, 'body'],
  ['null', 'null', 400, 'body'],
  ['a poisoned prototype', '{"url":"https://example.com/","__proto__":{"alias":"x"}}', 400, '__proto__'],
  [
    'a poisoned constructor',
    '{"url":"https://example.com/","constructor":{"prototype":{}}}',
    400,
    'constructor',
  ],
  ['an alias with a slash', { url, alias: 'a/b/c' }, 400, 'alias'],
  ['an alias with a space', { url, alias: 'a b c' }, 400, 'alias'],
  ['an alias with letters beyond ASCII', { url, alias: 'größe' }, 400, 'alias'],
  ['an alias that is too short', { url, alias: 'ab' }, 400, 'alias'],
  ['an empty alias', { url, alias: '' }, 400, 'alias'],
  ['an alias that is too long', { url, alias: 'a'.repeat(65) }, 400, 'alias'],
  ['an alias that is reserved', { url, alias: 'API' }, 400, 'alias'],
  ['an alias that is a number', { url, alias: 1234567 }, 400, 'alias'],
  ['an alias that is taken', { url, alias: 'taken-alias' }, 409, 'alias'],
  ['a past expiry', { url, expiresAt: '2020-01-01T00:00:00Z' }, 400, 'expiresAt'],
  ['an expiry that is no moment', { url, expiresAt: 'tomorrow' }, 400, 'expiresAt'],
  ['an expiry without a time zone', { url, expiresAt: '2099-01-01T00:00:00' }, 400, 'expiresAt'],
  ['an expiry that is no date', { url, expiresAt: '2099-02-31T00:00:00Z' }, 400, 'expiresAt'],
  ['an expiry that is a number', { url, expiresAt: 4_000_000_000 }, 400, 'expiresAt'],
  ['an expiry that no answer can tell', { url, expiresAt: '9999-12-31T23:59:59-14:00' }, 400, 'expiresAt'],
  ['a title that is too long', { url, title: 'a'.repeat(301) }, 400, 'title'],
  ['a title with NUL', { url, title: 'a\u0000b' }, 400, 'title'],
  ['a title that is half a character', { url, title: '\ud800' }, 400, 'title'],
  ['tags that are a text', { url, tags: 'a' }, 400, 'tags'],
  ['too many tags', { url, tags: Array.from({ length: 21 }, (_none, n) => `t${n}`) }, 400, 'tags'],
  ['an empty tag', { url, tags: ['a', ' '] }, 400, 'tags.1'],
  ['a tag that is a number', { url, tags: [1] }, 400, 'tags.0'],
  ['an unknown field', { url, colour: 'red' }, 400, 'colour'],
  ...['domain', 'hasPassword', 'clicks'].map((field): [string, unknown, number, string] => [
    `${field}, which cannot be given`,
    { url, [field]: 1 },
    400,
    field,
  ]),
  ...[303, 200, 0, '302', 302.5, null].map((status): [string, unknown, number, string] => [
    `the redirect status ${JSON.stringify(status)}`,
    { url, redirectStatus: status },
    400,
    'redirectStatus',
  ]),
  ['a forwardQuery that is a text', { url, forwardQuery: 'true' }, 400, 'forwardQuery'],
  ...[0, -1, 1.5, 1_000_000_001, '5', true].map((clicks): [string, unknown, number, string] => [
    `the maxClicks ${JSON.stringify(clicks)}`,
    { url, maxClicks: clicks },
    400,
    'maxClicks',
  ]),
  ['a maxClicks that no number can hold', `{"url":"${url}","maxClicks":1e999}`, 400, 'maxClicks'],
  ['a start that is no moment', { url, startsAt: 'soon' }, 400, 'startsAt'],
  ['a start that is a number', { url, startsAt: 4_000_000_000 }, 400, 'startsAt'],
  ['a start before 1970', { url, startsAt: '1969-12-31T23:59:59Z' }, 400, 'startsAt'],
  [
    'a start that is the expiry',
    { url, startsAt: '2098-01-01T00:00:00Z', expiresAt: '2098-01-01T01:00:00+01:00' },
    400,
    'startsAt',
  ],
  ['an empty password', { url, password: '' }, 400, 'password'],
  ['a password that is too long', { url, password: 'a'.repeat(129) }, 400, 'password'],
  ['a password with a line break', { url, password: 'a\nb' }, 400, 'password'],
  ['a password that is a number', { url, password: 1234 }, 400, 'password'],
  ['a body of 10 MB', { url, title: 'a'.repeat(10_000_000) }, 413, 'body'],
]

describe('bad input', () => {
  it.each(badRequests)(
    '%s is refused, the field is named, and nothing is stored',
    async (_name, body, status, field) => {
      const before = await rows()
      const answer = await post(body, { 'idempotency-key': 'bad-input' })
      expect(answer.status).toBe(status)
      expect(answer.type).toContain('application/problem+json')
      expect(answer.body).toMatchObject({
        status,
        field,
        code: expect.any(String),
        detail: expect.any(String),
      })
      expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|at Object/)
      expect(await rows()).toBe(before)
    },
  )

  it.each(['utf-16', '"utf-16le"', 'ISO-8859-1', ''])(
    'a body in the charset %s is refused',
    async (charset) => {
      const answer = await post({ url }, { 'content-type': `application/json; charset=${charset}` })
      expect(answer.status).toBe(415)
      expect(answer.body).toMatchObject({ code: 'unsupported-media-type', field: 'content-type' })
    },
  )

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON; Charset=utf8',
  ])('a body of type %s is read', async (type) => {
    expect((await post({ url }, { 'content-type': type, authorization: `Bearer ${adminKey}` })).status).toBe(
      201,
    )
  })

  it.each([
    ['PUT', '/api/v1/links/abcdefg', 'DELETE, GET, HEAD, PATCH'],
    ['POST', '/api/v1/links/abcdefg?x=1', 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', '/api/v1/links', 'GET, HEAD, POST'],
    // There may be a link with the alias "bulk".
    ['PUT', '/api/v1/links/bulk', 'DELETE, GET, HEAD, PATCH, POST'],
    ['PATCH', '/api/v1/links/abcdefg/qr.svg', 'GET, HEAD'],
  ])('%s %s is answered 405, with the methods there are', async (method, path, allow) => {
    const answer = await callApi(shortener, method, path)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
    expect(answer.body.code).toBe('method-not-allowed')
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'])(
    'a body of type %s is refused',
    async (type) => {
      const answer = await post({ url }, { 'content-type': type })
      expect(answer.status).toBe(415)
      expect(answer.body).toMatchObject({ code: 'unsupported-media-type', field: 'content-type' })
    },
  )

  it.each([['a'.repeat(256)], ['tab\there']])('an Idempotency-Key like %s is refused', async (key) => {
    const answer = await post({ url }, { 'idempotency-key': key })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ field: 'idempotency-key' })
  })

  it('names the setting that would allow a private target', async () => {
    expect((await post({ url: 'http://10.0.0.1/' })).body.detail).toContain('ALLOW_PRIVATE_TARGETS')
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=x', 'cursor'],
    ['tag=', 'tag'],
    ['tag=%00', 'tag'],
    ['search=%00', 'search'],
    ['search=a%1fb', 'search'],
    [`search=${'a'.repeat(201)}`, 'search'],
    ['colour=red', 'colour'],
  ])('a list with %s is refused', async (query, field) => {
    const answer = await callApi(shortener, 'GET', `/api/v1/links?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.body.field).toBe(field)
  })

  it.each([
    ['%00', 404],
    ['a'.repeat(90), 404],
    ['..%2f..', 404],
    ["'%20OR%201=1", 404],
    ['%ff, which is no UTF-8,', 400],
  ])('the code %s is answered %i', async (name, status) => {
    const code = name.split(',')[0]
    for (const method of ['GET', 'DELETE']) {
      const answer = await callApi(shortener, method, `/api/v1/links/${code}`)
      expect([method, answer.status]).toEqual([method, status])
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
    }
  })
})
