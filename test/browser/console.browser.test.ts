import { readAdminKey } from '@linkfleet/testkit/fleet'
import { call, untilCounted } from '@linkfleet/testkit/fleet-client'
import type { Browser, Page } from 'playwright-core'
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
async function logIn(): Promise<Page> {
  const key = await readAdminKey(fleet.home)
  const response = await call(
    'POST',
    `${fleet.shortenerUrl}/api/v1/login-tokens`,
    {},
    { authorization: `Bearer ${key}` },
  )
  expect(response.status).toBe(201)
  const { token } = (await response.json()) as { token: string }
  const page = await browser.newPage()
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
    .poll(async () => await page.getByTestId('total-clicks').textContent(), { timeout: 10_000 })
    .toBe('1')
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
