/** What links may ask for before they lead on, through public ports, as a person with curl or a browser has it. */
import { eventually } from '@linkfleet/testkit/eventually'
import { readAdminKey } from '@linkfleet/testkit/fleet'
import {
  call,
  createLink,
  follow,
  readStats,
  untilCounted,
  untilStats,
} from '@linkfleet/testkit/fleet-client'
import { expect, inject, test } from 'vitest'

const fleet = inject('fleet')
const asAdmin = { authorization: `Bearer ${await readAdminKey(fleet.home)}` }
const asBrowser = { accept: 'text/html' }

const edit = async (code: string, fields: object) => {
  const answer = await call('PATCH', `${fleet.shortenerUrl}/api/v1/links/${code}`, fields, asAdmin)
  expect(answer.status).toBe(200)
}

test.each([301, 302, 307, 308])(
  'a link that asks for %i is answered so, and each visit is counted',
  async (status) => {
    const { code } = await createLink(fleet, { url: 'https://example.com/status', redirectStatus: status })
    for (let visit = 0; visit < 2; visit++) {
      const followed = await follow(fleet, code)
      expect([followed.status, followed.location]).toEqual([status, 'https://example.com/status'])
      expect(followed.headers.get('cache-control')).toBe('private, max-age=0')
    }
    await untilCounted(fleet, code, 2)
  },
)

test('a query is handed on by links that say so', async () => {
  const url = 'https://example.com/p?keep=1&utm_source=maker#part'
  const { code } = await createLink(fleet, { url, forwardQuery: true })
  const long = 'x'.repeat(2_048)
  for (const [query, location] of [
    ['', url],
    ['?utm_source=mail&a=%C3%A4', 'https://example.com/p?keep=1&utm_source=mail&a=%C3%A4#part'],
    [`?long=${long}`, `https://example.com/p?keep=1&utm_source=maker&long=${long}#part`],
  ])
    expect(await follow(fleet, `${code}${query}`)).toMatchObject({ status: 302, location })
  const plain = await createLink(fleet, { url })
  expect((await follow(fleet, `${plain.code}?a=1`)).location).toBe(url)
  const tooLong = await call('GET', `${fleet.redirectUrl}/${code}?long=${'x'.repeat(9_000)}`)
  expect(await tooLong.json()).toMatchObject({ status: 414, code: 'uri-too-long', field: 'query' })
})

test('a link that starts later is 404 until then and leads on from then on', async () => {
  const startsAt = new Date(Date.now() + 4_000).toISOString()
  const { code } = await createLink(fleet, { url: 'https://example.com/later', startsAt })
  const page = await call('GET', `${fleet.redirectUrl}/${code}`, undefined, asBrowser)
  expect([page.status, (await page.text()).includes('not open yet')]).toEqual([404, true])
  await eventually(async () => (await follow(fleet, code)).status === 302)
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(startsAt))
  await untilCounted(fleet, code, 1)
})

test('a link with maxClicks is followed so often and no more, by however many at once', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/limited', maxClicks: 25 })
  expect((await call('HEAD', `${fleet.redirectUrl}/${code}`)).status).toBe(302)
  expect((await follow(fleet, code, { 'sec-purpose': 'prefetch' })).status).toBe(403)
  expect((await call('GET', `${fleet.redirectUrl}/${code}+`)).status).toBe(200)
  const answers = await Promise.all(Array.from({ length: 60 }, () => follow(fleet, code)))
  expect(answers.filter(({ status }) => status === 302)).toHaveLength(25)
  expect(answers.filter(({ status }) => status === 410)).toHaveLength(35)
  expect((await call('HEAD', `${fleet.redirectUrl}/${code}`)).status).toBe(410)
  await untilCounted(fleet, code, 25)
  const { total, orphans } = await untilStats(fleet, code, (stats) => stats.orphans >= 35)
  expect([total, orphans]).toEqual([25, 35])
})

test('raising maxClicks opens the link again, lowering it closes it', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/raised', maxClicks: 2 })
  for (const status of [302, 302, 410]) expect((await follow(fleet, code)).status).toBe(status)
  await edit(code, { maxClicks: 3 })
  await eventually(async () => (await follow(fleet, code)).status === 302)
  expect((await follow(fleet, code)).status).toBe(410)
  await edit(code, { maxClicks: 1 })
  await edit(code, { title: 'still closed' })
  expect((await follow(fleet, code)).status).toBe(410)
  await edit(code, { maxClicks: null })
  await eventually(async () => (await follow(fleet, code)).status === 302)
})

test('a password is asked for by a form; the right one leads on and is the click', async () => {
  const link = await createLink(fleet, { url: 'https://example.com/secret', password: 'öpen sesame' })
  expect(JSON.stringify(link)).not.toContain('sesame')
  const url = `${fleet.redirectUrl}/${link.code}`
  const page = await call('GET', url, undefined, asBrowser)
  const html = await page.text()
  expect([page.status, html.includes('<form method="post">'), html.includes('secret')]).toEqual([
    200,
    true,
    false,
  ])
  expect(await (await call('GET', url)).json()).toMatchObject({ status: 403, code: 'password-required' })
  const send = async (password: string, headers: Record<string, string> = {}) =>
    await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ password }), headers })
  const wrong = await send('open sesame', asBrowser)
  expect([wrong.status, wrong.headers.get('location')]).toEqual([403, null])
  expect(await (await send('')).json()).toMatchObject({ status: 403, field: 'password' })
  const right = await send('öpen sesame')
  expect([right.status, right.headers.get('location')]).toEqual([303, 'https://example.com/secret'])
  await untilCounted(fleet, link.code, 1)
  const preview = await (await call('GET', `${url}+`)).json()
  expect(preview).toMatchObject({ url: null, state: 'Protected by a password' })
})

test.each([
  ['JSON', { 'content-type': 'application/json' }, '{}', 415],
  [
    'too much',
    { 'content-type': 'application/x-www-form-urlencoded' },
    `password=${'x'.repeat(100_000)}`,
    413,
  ],
])('a form that is %s is refused', async (_name, headers, body, status) => {
  const { code } = await createLink(fleet, { url: 'https://example.com/', password: 'open sesame' })
  const answer = await fetch(`${fleet.redirectUrl}/${code}`, { method: 'POST', headers, body })
  expect(await answer.json()).toMatchObject({ status })
})

test('a preview shows where a link leads without following it', async () => {
  const { code } = await createLink(fleet, { url: 'http://example.com/?q=<b>', title: '<i>Title</i>' })
  const page = await call('GET', `${fleet.redirectUrl}/${code}+`, undefined, asBrowser)
  const html = await page.text()
  expect(page.status).toBe(200)
  expect(html).toContain('http://example.com/?q=%3Cb%3E')
  expect(html).toContain('&#60;i&#62;Title')
  expect(html).toContain('not encrypted')
  expect(await (await call('GET', `${fleet.redirectUrl}/${code}+`)).json()).toMatchObject({
    code,
    url: 'http://example.com/?q=%3Cb%3E',
    title: '<i>Title</i>',
    state: 'Active',
  })
  expect((await call('GET', `${fleet.redirectUrl}/no-such-link+`)).status).toBe(404)
  expect((await readStats(fleet, code)).total).toBe(0)
})

test('a probe says that a link leads on and not where to, and is no click', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/probed' })
  const probe = await call('GET', `${fleet.redirectUrl}/.well-known/linkfleet-probe/${code}`)
  expect([probe.status, probe.headers.get('location')]).toEqual([204, null])
  expect((await follow(fleet, code)).status).toBe(302)
  expect((await untilCounted(fleet, code, 1)).total).toBe(1)
})
