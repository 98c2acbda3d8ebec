import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAdminKey } from '@linkfleet/testkit/fleet'
import { call, untilCounted } from '@linkfleet/testkit/fleet-client'
import chromium from '@sparticuz/chromium'
import { type Browser, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const fleet = inject('fleet')

/** A public host that does not exist: the browser finds it at a page of ours, the product's own rules are untouched. */
const targetHost = 'landing.example.com'
const landing = createServer((_request, response) =>
  response.setHeader('content-type', 'text/html').end('<title>Landed</title><h1>You have landed</h1>'),
)
// Chromium refuses to run as root with its sandbox; it visits nothing here but our own pages.
const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
]
let browser: Browser
/** Chromium's package unpacks below TMPDIR: a folder of our own, which no other user or run can reach into. */
const unpacked = await mkdtemp(join(tmpdir(), 'linkfleet-chromium-'))

async function unpackChromium(): Promise<string> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = unpacked
  try {
    return await chromium.executablePath()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

beforeAll(async () => {
  await new Promise<void>((resolve) => landing.listen(0, '127.0.0.1', resolve))
  const { port } = landing.address() as { port: number }
  browser = await playwright.launch({
    executablePath: await unpackChromium(),
    headless: true,
    args: [...browserFlags, `--host-resolver-rules=MAP ${targetHost}:80 127.0.0.1:${port}`],
  })
})

afterAll(async () => {
  await browser?.close()
  landing.close()
  await rm(unpacked, { recursive: true, force: true })
})

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
