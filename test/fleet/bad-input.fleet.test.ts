import { readAdminKey } from '@linkfleet/testkit/fleet'
import { call, createLink } from '@linkfleet/testkit/fleet-client'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { expect, inject, test } from 'vitest'

const fleet = inject('fleet')
const apiLinks = `${fleet.shortenerUrl}/api/v1/links`
const asAdmin = { authorization: `Bearer ${await readAdminKey(fleet.home)}` }
const target = 'https://example.com/'

/** Every refused request carries this tag, so that one look shows whether anything was stored. */
const tag = uniqueName('refused')

async function expectProblem(response: Response, field: string, status?: number) {
  expect(response.status).toBeGreaterThanOrEqual(400)
  expect(response.status).toBeLessThan(500)
  if (status !== undefined) expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  const problem = (await response.json()) as { field: string; code: string; detail: string }
  expect(problem.field).toBe(field)
  expect(problem.code).toMatch(/^[a-z-]+$/)
  expect(JSON.stringify(problem)).not.toMatch(/node_modules|\.ts:|at \w+ \(/)
}

async function expectNothingStored() {
  const list = (await (await call('GET', `${apiLinks}?tag=${tag}`, undefined, asAdmin)).json()) as {
    links: unknown[]
  }
  expect(list.links).toEqual([])
}

const privateTargets = [
  'http://localhost/',
  'http://localhost./',
  'http://LOCALHOST/',
  'http://sub.localhost/',
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://①②⑦.⓪.⓪.①/',
  'http://127。0。0。1/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://0.0.0.0/',
  'http://0/',
  'http://10.1.2.3/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://[fe80::1]/',
  'http://[fc00::1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://100.64.0.1/',
  'http:\\\\127.0.0.1/',
]

test.each(privateTargets)('the private or loopback target %s is refused by its field', async (url) => {
  await expectProblem(await call('POST', apiLinks, { url, tags: [tag] }), 'url', 400)
})

test.each([
  ['javascript:', 'javascript:alert(1)'],
  ['javascript: with white space in it', ' java\nscript:alert(1)'],
  ['data:', 'data:text/html,hi'],
  ['file:', 'file:///etc/passwd'],
  ['no scheme', 'example.com/a'],
  ['an empty text', ''],
  ['a user and a password', 'https://user:password@example.com/'],
  ['2,049 characters', `${target}${'a'.repeat(2_049 - target.length)}`],
  ['the redirect itself', `${fleet.redirectUrl}/abc`],
  ['the console', `${fleet.consoleUrl}/links`],
  ['a number', 7],
  ['null', null],
  ['a list', [target]],
])('a url that is %s is refused by its field', async (_name, url) => {
  await expectProblem(await call('POST', apiLinks, { url, tags: [tag] }), 'url', 400)
})

test.each([
  ['alias', { alias: 'a/b' }],
  ['alias', { alias: 'api' }],
  ['alias', { alias: 'Metrics' }],
  ['alias', { alias: '' }],
  ['alias', { alias: 'ä' }],
  ['alias', { alias: 'a'.repeat(1_000) }],
  ['alias', { alias: '..' }],
  ['expiresAt', { expiresAt: '2001-01-01T00:00:00Z' }],
  ['expiresAt', { expiresAt: 'tomorrow' }],
  ['title', { title: 5 }],
  ['title', { title: 'a'.repeat(5_000) }],
  ['tags', { tags: 'one' }],
  ['redirectStatus', { redirectStatus: 303 }],
  ['forwardQuery', { forwardQuery: 'yes' }],
  ['startsAt', { startsAt: '2099-01-02T00:00:00Z', expiresAt: '2099-01-01T00:00:00Z' }],
  ['maxClicks', { maxClicks: 0 }],
  ['password', { password: '' }],
  ['reuseExisting', { reuseExisting: 1 }],
  ['unknown', { unknown: 1 }],
])('a wrong %s is refused by its field: %j', async (field, fields) => {
  await expectProblem(await call('POST', apiLinks, { url: target, tags: [tag], ...fields }), field, 400)
})

test('an alias that is taken is refused with 409', async () => {
  const alias = uniqueName('taken')
  await createLink(fleet, { url: target, alias })
  await expectProblem(await call('POST', apiLinks, { url: target, alias, tags: [tag] }), 'alias', 409)
})

test('a body without a url, one that is no JSON, of another type or of 10 MB are refused', async () => {
  await expectProblem(await call('POST', apiLinks, { tags: [tag] }), 'url', 400)
  const send = (body: string, contentType: string) =>
    fetch(apiLinks, {
      method: 'POST',
      body,
      headers: { 'content-type': contentType },
      signal: AbortSignal.timeout(20_000),
    })
  await expectProblem(await send('{"url":', 'application/json'), 'body', 400)
  await expectProblem(await send(`url=${target}`, 'application/x-www-form-urlencoded'), 'content-type', 415)
  await expectProblem(await send(target, 'text/plain'), 'content-type', 415)
  const large = JSON.stringify({ url: target, tags: [tag], title: 'a'.repeat(10 * 1024 * 1024) })
  await expectProblem(await send(large, 'application/json'), 'body', 413)
})

const manyLinks = (count: number) => Array.from({ length: count }, () => ({ url: target, tags: [tag] }))

test.each([
  ['1,001 links', 'links', { links: manyLinks(1_001) }],
  ['no links', 'links', { links: [] }],
  ['no list', 'links', { links: { url: target, tags: [tag] } }],
  ['an unknown field', 'atomic', { links: manyLinks(1), atomic: true }],
])('a bulk with %s is refused as a whole, by the field %s', async (_name, field, body) => {
  await expectProblem(await call('POST', `${apiLinks}/bulk`, body), field, 400)
})

test('in a bulk of bad items each is refused by its place and field, and a duplicate by its alias', async () => {
  const alias = uniqueName('twice')
  const links = [
    { url: 'http://127.1/', tags: [tag] },
    { url: target, tags: [tag], maxClicks: 1.5 },
    { tags: [tag] },
    7,
    { url: target, alias },
    { url: target, tags: [tag], alias },
  ]
  const response = await call('POST', `${apiLinks}/bulk`, { links })
  expect(response.status).toBe(200)
  const { results } = (await response.json()) as {
    results: { status: number; error?: { field: string } }[]
  }
  expect(results.map(({ status, error }) => [status, error?.field])).toEqual([
    [400, 'links.0.url'],
    [400, 'links.1.maxClicks'],
    [400, 'links.2.url'],
    [400, 'links.3'],
    [201, undefined],
    [409, 'links.5.alias'],
  ])
})

test('an Idempotency-Key that is too long, a charset that is not read and a method there is not are refused', async () => {
  const huge = { 'idempotency-key': 'k'.repeat(256) }
  await expectProblem(
    await call('POST', apiLinks, { url: target, tags: [tag] }, huge),
    'idempotency-key',
    400,
  )
  const utf16 = { 'content-type': 'application/json; charset=utf-16' }
  await expectProblem(await call('POST', apiLinks, { url: target, tags: [tag] }, utf16), 'content-type', 415)
  const put = await call('PUT', `${apiLinks}/abcdefg`, undefined, asAdmin)
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'DELETE, GET, HEAD, PATCH'])
})

test.each([
  ['limit', 'limit=0'],
  ['limit', 'limit=100000'],
  ['limit', 'limit=ten'],
  ['cursor', 'cursor=nonsense'],
])('a wrong %s of the list is refused by its field: %s', async (field, query) => {
  await expectProblem(await call('GET', `${apiLinks}?${query}`, undefined, asAdmin), field, 400)
})

test.each([
  ['from', 'from=yesterday'],
  ['from', 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'],
  ['interval', 'interval=fortnight'],
])('a wrong %s of the statistics is refused by its field: %s', async (field, query) => {
  const { code } = await createLink(fleet, { url: target })
  await expectProblem(
    await call('GET', `${fleet.analyticsUrl}/api/v1/links/${code}/stats?${query}`),
    field,
    400,
  )
})

test('statistics of a code that does not exist are answered 404', async () => {
  expect((await call('GET', `${fleet.analyticsUrl}/api/v1/links/zzzzzzz/stats`)).status).toBe(404)
})

test('after all of this nothing was stored', async () => {
  await expectNothingStored()
})
