import { readAdminKey } from '@linkfleet/testkit/fleet'
import { call, createLink, follow, untilCounted } from '@linkfleet/testkit/fleet-client'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type OpenBrowser, openBrowser, targetHost } from './open-browser.ts'

const fleet = inject('fleet')

let open: OpenBrowser
let browser: Browser

beforeAll(async () => {
  open = await openBrowser()
  browser = open.browser
})
afterAll(async () => await open?.[Symbol.asyncDispose]())

/** Opens the console as `npm start` tells people to: through a one-time login URL. */
async function logIn(visitor: BrowserContextOptions = {}): Promise<Page> {
  const key = await readAdminKey(fleet.home)
  const response = await call(
    'POST',
    `${fleet.shortenerUrl}/api/v1/login-tokens`,
    {},
    { authorization: `Bearer ${key}` },
  )
  expect(response.status).toBe(201)
  const { token } = (await response.json()) as { token: string }
  const page = await browser.newPage(visitor)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(`${fleet.consoleUrl}/login?token=${token}`)
  await page.waitForURL(`${fleet.consoleUrl}/`)
  expect(problems).toEqual([])
  return page
}

test('a link made in the console leads to its target, and its count rises', async () => {
  const page = await logIn()
  await page.getByLabel('Long URL').fill(`http://${targetHost}/a?b=c`)
  await page.getByRole('button', { name: 'Shorten' }).click()
  const shortLink = page.getByTestId('short-url')
  await shortLink.waitFor()
  const shortUrl = (await shortLink.getAttribute('href')) ?? ''
  expect(shortUrl).toMatch(new RegExp(`^${fleet.redirectUrl}/[0-9A-Za-z]{7}$`))

  const visit = await browser.newPage()
  await visit.goto(shortUrl)
  expect(visit.url()).toBe(`http://${targetHost}/a?b=c`)
  expect(await visit.title()).toBe('Landed')

  const code = shortUrl.slice(shortUrl.lastIndexOf('/') + 1)
  await untilCounted(fleet, code, 1)
  await page.goto(`${fleet.consoleUrl}/links/${code}`)
  await expect
    .poll(async () => await page.getByTestId('total-clicks').textContent(), { timeout: 30_000 })
    .toBe('1')
})

/** The sum of a list's rows, by its title. */
async function sumOf(page: Page, title: string): Promise<number> {
  const numbers = page.locator(`section[aria-label="${title}"] [data-clicks]`)
  const clicks = await numbers.evaluateAll((rows) =>
    rows.map((row) => Number(row.getAttribute('data-clicks'))),
  )
  return clicks.reduce((sum, count) => sum + count, 0)
}

const numberIn = async (page: Page, testId: string) =>
  Number((await page.getByTestId(testId).textContent())?.replace(/\D/g, ''))

test('every number of a link’s page agrees with the others, and rises by itself', async () => {
  const agents = [
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  ]
  const { code } = await createLink(fleet, { url: `http://${targetHost}/counted` })
  for (let number = 0; number < 30; number++) {
    const language = `x${String.fromCharCode(97 + (number % 12))}`
    await follow(fleet, `${code}?utm_source=s${number % 10}`, {
      'user-agent': agents[number % 3 === 0 ? 1 : 0] ?? '',
      'accept-language': number % 4 === 0 ? '' : language,
      referer: `https://site${number % 11}.example/`,
    })
  }
  await untilCounted(fleet, code, 30)
  const page = await logIn()
  await page.goto(`${fleet.consoleUrl}/links/${code}`)
  await expect.poll(async () => await numberIn(page, 'total-clicks'), { timeout: 30_000 }).toBe(30)
  expect(await numberIn(page, 'human-clicks')).toBe(20)
  expect(await numberIn(page, 'bot-clicks')).toBe(10)
  expect(await numberIn(page, 'range-clicks')).toBe(30)
  expect(await numberIn(page, 'days-clicks')).toBe(30)
  const lists = ['Countries', 'Referrers', 'Browsers', 'Systems', 'Devices', 'Languages', 'Campaign sources']
  for (const title of lists) expect([title, await sumOf(page, title)]).toEqual([title, 30])
  await page.getByTestId('live').getByText('live').waitFor()
  await follow(fleet, code)
  await expect.poll(async () => await numberIn(page, 'total-clicks'), { timeout: 30_000 }).toBe(31)
  expect(await sumOf(page, 'Browsers')).toBe(31)
  expect(await numberIn(page, 'range-clicks')).toBe(31)

  // What the live stream tells of before it was read stands apart: the numbers of the page go on agreeing.
  const statistics = /\/stats\?/
  await page.route(statistics, (route) => route.abort())
  await follow(fleet, code)
  await page.getByTestId('clicks-since').getByText('+1').waitFor()
  expect(await numberIn(page, 'total-clicks')).toBe(31)
  expect(await sumOf(page, 'Browsers')).toBe(31)
  expect(await numberIn(page, 'range-clicks')).toBe(31)
  await page.unroute(statistics)
  await expect.poll(async () => await numberIn(page, 'total-clicks'), { timeout: 60_000 }).toBe(32)
  expect(await page.getByTestId('clicks-since').count()).toBe(0)
  expect(await sumOf(page, 'Browsers')).toBe(32)
})

test('a part of the chart that is dragged over is shown by shorter intervals, and back', async () => {
  const { code } = await createLink(fleet, { url: `http://${targetHost}/zoomed` })
  await follow(fleet, code)
  await untilCounted(fleet, code, 1)
  const page = await logIn()
  await page.goto(`${fleet.consoleUrl}/links/${code}`)
  const range = page.getByTestId('range-clicks').locator('..')
  await range.getByText('by the hour').waitFor()
  const chart = await page.locator('.chart .u-over').boundingBox()
  if (chart === null) throw new Error('There is no chart.')
  const y = chart.y + chart.height / 2
  await page.mouse.move(chart.x + chart.width * 0.9, y)
  await page.mouse.down()
  await page.mouse.move(chart.x + chart.width - 1, y, { steps: 4 })
  await page.mouse.up()
  await range.getByText('by the minute').waitFor()
  await page.getByRole('button', { name: 'Reset zoom' }).click()
  await range.getByText('by the hour').waitFor()
  expect(await numberIn(page, 'range-clicks')).toBe(1)
})

test('where midnight is at half past an hour of UTC a year is one of UTC, and a refusal takes the chart’s place', async () => {
  const { code } = await createLink(fleet, { url: `http://${targetHost}/half` })
  await follow(fleet, code)
  await untilCounted(fleet, code, 1)
  const page = await logIn({ timezoneId: 'Asia/Kolkata' })
  await page.goto(`${fleet.consoleUrl}/links/${code}`)
  const range = page.getByTestId('range-clicks').locator('..')
  await range.getByText('by the hour').waitFor()
  await page.getByText('Year', { exact: true }).click()
  await range.getByText('by the day (UTC)').waitFor()
  expect(await numberIn(page, 'range-clicks')).toBe(1)
  const exported = await page.getByRole('link', { name: 'CSV' }).getAttribute('href')
  expect(new URL(exported ?? '', fleet.consoleUrl).searchParams.get('timezone')).toBe('UTC')

  const refusal = { title: 'Invalid request', detail: 'Not kept for so long.', field: 'from' }
  const statistics = /\/stats\?/
  // An analytics that keeps less than this page supposes.
  await page.route(statistics, async (route) => {
    if (route.request().url().includes('timezone=UTC')) await route.continue()
    else await route.fulfill({ status: 400, json: refusal })
  })
  await page.getByText('30 days', { exact: true }).click()
  await range.getByText('by the day (UTC)').waitFor()
  await page.unroute(statistics)
  await page.getByText('Hour', { exact: true }).click()
  await range.getByText('by the minute').waitFor()

  await page.route(statistics, (route) => route.fulfill({ status: 400, json: refusal }))
  await page.getByText('30 days', { exact: true }).click()
  await page.getByText(refusal.detail).waitFor()
  expect(await page.getByTestId('range-clicks').count()).toBe(0)
  await page.unroute(statistics)
  await page.getByText('Hour', { exact: true }).click()
  await range.getByText('by the minute').waitFor()
  expect(await page.getByText(refusal.detail).count()).toBe(0)
})

test('the numbers of one link are never under the heading of another', async () => {
  const [one, other] = await Promise.all(
    ['one', 'other'].map((path) => createLink(fleet, { url: `http://${targetHost}/${path}` })),
  )
  if (one === undefined || other === undefined) throw new Error('There are no links.')
  await Promise.all([follow(fleet, one.code), follow(fleet, one.code), follow(fleet, other.code)])
  await Promise.all([untilCounted(fleet, one.code, 2), untilCounted(fleet, other.code, 1)])
  const page = await logIn()
  await page.goto(`${fleet.consoleUrl}/links`)
  const open = async (code: string) => await page.locator(`a[href="/links/${code}"]`).first().click()
  await open(one.code)
  await expect.poll(async () => await numberIn(page, 'total-clicks')).toBe(2)
  await page.getByRole('link', { name: '← Links' }).click()
  await open(other.code)
  await expect.poll(async () => await numberIn(page, 'total-clicks')).toBe(1)
  await page.route(`**/links/${one.code}/stats?**`, (route) => route.fulfill({ status: 503, json: {} }))
  await page.evaluate('history.go(-2)')
  await page.getByText('This did not work').waitFor()
  expect(page.url()).toContain(one.code)
  expect(await page.getByTestId('total-clicks').count()).toBe(0)
})

test('a link that nobody followed says so, as does one whose clicks cannot be read until they can', async () => {
  const { code } = await createLink(fleet, { url: `http://${targetHost}/quiet` })
  const page = await logIn()
  const statistics = '**/stats**'
  await page.route(statistics, (route) => route.abort())
  await page.goto(`${fleet.consoleUrl}/links/${code}`)
  await page.getByText('This did not work').waitFor()
  // What does not hang on statistics is there all the same.
  await page.getByTestId('short-url').waitFor()
  await page.unroute(statistics)
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('No clicks yet').waitFor()
  await page.getByTestId('live').getByText('live').waitFor()
  await follow(fleet, code)
  await expect.poll(async () => await numberIn(page, 'total-clicks'), { timeout: 30_000 }).toBe(1)
  await page.getByTestId('range-clicks').waitFor()
})

test('a link gets its options when it is made, shows them as badges, and loses them by an edit', async () => {
  const page = await logIn()
  await page.getByLabel('Long URL').fill(`http://${targetHost}/options`)
  await page.getByText('More options').click()
  const alias = `o${Date.now().toString(36)}`
  await page.getByLabel('Alias').fill(alias)
  await page.getByLabel('Most clicks').fill('none')
  await page.getByRole('button', { name: 'Shorten' }).click()
  await page.locator('#max-clicks-wrong').waitFor()
  await page.getByLabel('Most clicks').fill('5')
  await page.getByLabel('Password').fill('open sesame')
  await page.getByLabel('Redirect status').selectOption('307')
  await page.getByLabel('Hand on the query').check()
  await page.getByRole('button', { name: 'Shorten' }).click()
  await page.getByTestId('short-url').waitFor()
  await page.goto(`${fleet.consoleUrl}/links`)
  const row = page.getByTestId('link-rows').locator('tr', { hasText: alias })
  for (const badge of ['at most 5 clicks', 'password', '307', 'hands on query']) {
    await row.getByText(badge, { exact: true }).waitFor()
  }
  expect((await follow(fleet, alias)).status).toBe(403)
  await page.goto(`${fleet.consoleUrl}/links/${alias}`)
  await page.getByLabel('Ask for no password any more').check()
  await page.getByLabel('Most clicks').fill('')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect
    .poll(async () => await page.locator('.badge').allTextContents())
    .toEqual(['307', 'hands on query'])
  await expect.poll(async () => (await follow(fleet, alias)).status, { timeout: 5_000 }).toBe(307)
})

test('the SLO page shows the requests of the fleet', async () => {
  const page = await logIn()
  await page.goto(`${fleet.consoleUrl}/slo`)
  const requests = page.getByTestId('slo-requests-redirect')
  await expect
    .poll(async () => Number((await requests.textContent())?.replace(/\D/g, '')), { timeout: 30_000 })
    .toBeGreaterThan(0)
})

test('a one-time login works once, and without a session the console asks for one', async () => {
  const key = await readAdminKey(fleet.home)
  const response = await call(
    'POST',
    `${fleet.shortenerUrl}/api/v1/login-tokens`,
    {},
    { authorization: `Bearer ${key}` },
  )
  const { token } = (await response.json()) as { token: string }
  const first = await call('GET', `${fleet.consoleUrl}/login?token=${token}`)
  expect(first.status).toBeLessThan(400)
  expect(first.headers.get('set-cookie')).toMatch(/linkfleet_session\w*=.*HttpOnly/i)
  const second = await call('GET', `${fleet.consoleUrl}/login?token=${token}`)
  expect(second.headers.get('set-cookie') ?? '').not.toMatch(/linkfleet_session\w*=[^;]/)
})
