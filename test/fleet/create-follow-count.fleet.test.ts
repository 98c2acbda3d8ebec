import { eventually } from '@linkfleet/testkit/eventually'
import { readAdminKey } from '@linkfleet/testkit/fleet'
import { call, createLink, follow, untilCounted, untilStats } from '@linkfleet/testkit/fleet-client'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { expect, inject, test } from 'vitest'

const fleet = inject('fleet')
const apiLinks = `${fleet.shortenerUrl}/api/v1/links`
/** Creating and counting need no key on loopback; reading and changing links do. */
const asAdmin = { authorization: `Bearer ${await readAdminKey(fleet.home)}` }

test('a long URL becomes a short one that leads back to it and is counted', async () => {
  const url = 'https://example.com/a?b=c&d=%20e#f'
  const response = await call('POST', apiLinks, { url })
  expect(response.status).toBe(201)
  const link = (await response.json()) as { code: string; shortUrl: string; url: string }
  expect(link.code).toMatch(/^[0-9A-Za-z]{7}$/)
  expect(link.shortUrl).toBe(`${fleet.redirectUrl}/${link.code}`)
  expect(response.headers.get('location')).toContain(`/api/v1/links/${link.code}`)

  const followed = await call('GET', link.shortUrl)
  expect(followed.status).toBe(302)
  expect(followed.headers.get('location')).toBe(url)
  expect(followed.headers.get('cache-control')).toBe('private, max-age=0')
  const stats = await untilCounted(fleet, link.code, 1)
  expect(stats).toMatchObject({ code: link.code, total: 1, humans: 1, bots: 0 })
  expect(stats.series.reduce((sum, point) => sum + point.clicks, 0)).toBe(1)
  expect(Date.now() - Date.parse(stats.asOf)).toBeLessThan(60_000)
})

test('Accept: text/plain is answered with the short URL alone', async () => {
  const response = await call('POST', apiLinks, { url: 'https://example.com/' }, { accept: 'text/plain' })
  expect(response.status).toBe(201)
  expect(await response.text()).toMatch(new RegExp(`^${fleet.redirectUrl}/[0-9A-Za-z]{7}\\n?$`))
})

test('HEAD is answered like GET and is no click; a bot is counted apart', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/head' })
  const head = await call('HEAD', `${fleet.redirectUrl}/${code}`)
  expect(head.status).toBe(302)
  expect(head.headers.get('location')).toBe('https://example.com/head')
  await follow(fleet, code, { 'user-agent': 'Googlebot/2.1 (+http://www.google.com/bot.html)' })
  await follow(fleet, code)
  expect(await untilCounted(fleet, code, 2)).toMatchObject({ humans: 1, bots: 1 })
})

test('an edit and a delete are in force on the redirect soon after they are answered', async () => {
  const { code, version } = await createLink(fleet, { url: 'https://example.com/before' })
  expect((await follow(fleet, code)).location).toBe('https://example.com/before')
  const edited = await call(
    'PATCH',
    `${apiLinks}/${code}`,
    { url: 'https://example.com/after', title: 'After' },
    { ...asAdmin, 'if-match': `"${version}"` },
  )
  expect(edited.status).toBe(200)
  await eventually(async () => (await follow(fleet, code)).location === 'https://example.com/after')
  const outdated = await call(
    'PATCH',
    `${apiLinks}/${code}`,
    { title: 'Late' },
    { ...asAdmin, 'if-match': `"${version}"` },
  )
  expect(outdated.status).toBe(412)
  expect((await call('DELETE', `${apiLinks}/${code}`, undefined, asAdmin)).status).toBe(204)
  await eventually(async () => (await follow(fleet, code)).status === 410)
  expect((await call('GET', `${apiLinks}/${code}`, undefined, asAdmin)).status).toBe(404)
})

test('an alias works at once although it was asked for before, and can be taken once', async () => {
  const alias = uniqueName('alias')
  expect((await follow(fleet, alias)).status).toBe(404)
  const creations = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      call('POST', apiLinks, { url: `https://example.com/${index}`, alias }),
    ),
  )
  const statuses = creations.map((response) => response.status).sort()
  expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  await eventually(async () => (await follow(fleet, alias)).status === 302)
})

test('a link that has expired answers 410, and its visits are no clicks', async () => {
  const expiresAt = new Date(Date.now() + 5_000).toISOString()
  const { code } = await createLink(fleet, { url: 'https://example.com/soon-gone', expiresAt })
  expect((await follow(fleet, code)).status).toBe(302)
  await eventually(async () => (await follow(fleet, code)).status === 410)
  expect((await follow(fleet, code)).status).toBe(410)
  // The visits of a link are counted in their order: what came before these two is counted with them.
  const { total, orphans } = await untilStats(fleet, code, (stats) => stats.orphans >= 2)
  expect(total).toBeGreaterThanOrEqual(1)
  expect((await follow(fleet, code)).status).toBe(410)
  const later = await untilStats(fleet, code, (stats) => stats.orphans > orphans)
  expect([later.total, later.orphans]).toEqual([total, orphans + 1])
})

test('a create that is repeated with its Idempotency-Key makes one link', async () => {
  const headers = { 'idempotency-key': uniqueName('key') }
  const body = { url: 'https://example.com/once' }
  const answers = await Promise.all(Array.from({ length: 10 }, () => call('POST', apiLinks, body, headers)))
  const codes = await Promise.all(
    answers.map(async (answer) => ((await answer.json()) as { code: string }).code),
  )
  expect(new Set(codes).size).toBe(1)
  const other = await call('POST', apiLinks, { url: 'https://example.com/other' }, headers)
  expect(other.status).toBe(422)
})

test('a code that was never made answers 404: a page for browsers, a problem for programs', async () => {
  const page = await call('GET', `${fleet.redirectUrl}/zzzzzzz`, undefined, { accept: 'text/html' })
  expect(page.status).toBe(404)
  expect(page.headers.get('content-type')).toContain('text/html')
  const problem = await call('GET', `${fleet.redirectUrl}/zzzzzzz`, undefined, { accept: 'application/json' })
  expect(problem.headers.get('content-type')).toContain('application/problem+json')
  expect(await problem.json()).toMatchObject({ code: 'not-found', status: 404 })
})

test('a thousand links, each followed once, are each counted once and lead where they should', async () => {
  const urls = Array.from(
    { length: 1_000 },
    (_, index) => `https://example.com/${uniqueName('p')}/${index}?q=${index}`,
  )
  const codes: string[] = []
  await inBatches(urls, 50, async (url) => {
    const { code } = await createLink(fleet, { url })
    codes.push(code)
    expect(await follow(fleet, code)).toMatchObject({ status: 302, location: url })
  })
  expect(new Set(codes).size).toBe(urls.length)
  await inBatches(codes, 50, async (code) => void (await untilCounted(fleet, code, 1)))
  const countedMs = Date.now()
  await inBatches(codes, 50, async (code) => {
    const later = await untilStats(fleet, code, ({ asOf }) => Date.parse(asOf) >= countedMs)
    expect(later.total).toBe(1)
  })
}, 240_000)

async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  for (let index = 0; index < items.length; index += size)
    await Promise.all(items.slice(index, index + size).map(work))
}
