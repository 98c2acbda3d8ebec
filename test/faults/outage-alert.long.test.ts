/**
 * An outage wakes somebody within a minute: on a fleet as `npm start` brings it up, by its own Prometheus, its own rules
 * and its own prober; and the console shows what is firing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@linkfleet/testkit/eventually'
import { type Fleet, readRunFile, startFleet } from '@linkfleet/testkit/fleet'
import { call } from '@linkfleet/testkit/fleet-client'
import pg from 'pg'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../browser/open-browser.ts'
import { type ActiveAlert, activeAlerts, loginUrl, prometheusValue } from './paging.ts'

/** The promise, by Prometheus' own clock. */
const pagedWithinSeconds = 60
/** How long a test looks for it, on a machine that is busy with other things. */
const lookForMs = 180_000
const creators = 8

let fleet: Fleet & AsyncDisposable
let open: OpenBrowser
let page: Page

beforeAll(async () => {
  fleet = await startFleet()
  open = await openBrowser()
  page = await open.browser.newPage()
  await page.goto(await loginUrl(fleet))
  await page.waitForURL(`${fleet.consoleUrl}/`)
})
afterAll(async () => {
  await open?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
})

const isAlert = (wanted: Readonly<Record<string, string>>) => (alert: ActiveAlert) =>
  Object.entries(wanted).every(([name, value]) => alert.labels[name] === value)

/** Waits until such an alert fires, and gives the seconds from the outage to it; `forSeconds` is what its rule waits. */
async function secondsToPage(
  wanted: Readonly<Record<string, string>>,
  startedMs: number,
  forSeconds = 0,
): Promise<number> {
  const alert = await eventually(
    async () => {
      const active = (await activeAlerts(fleet)).filter(isAlert(wanted))
      return active.find(({ state }) => state === 'firing') ?? false
    },
    { withinMs: lookForMs, everyMs: 500 },
  )
  return (Date.parse(alert.activeAt) - startedMs) / 1000 + forSeconds
}

/** Holds what every create needs, as a migration does that somebody forgot to end. */
async function lockLinks(): Promise<AsyncDisposable> {
  const { engines } = await readRunFile(fleet.home)
  const url = new URL(engines.find(({ name }) => name === 'pg-1')?.url ?? '')
  url.password = encodeURIComponent((await readFile(join(fleet.home, 'postgres/password'), 'utf8')).trim())
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 })
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE links.links IN EXCLUSIVE MODE')
  return { [Symbol.asyncDispose]: async () => await client.end() }
}

/** Creates links one after another until told to stop; gives how often each status was answered. */
function keepCreating(signal: AbortSignal): Promise<Map<number, number>> {
  const statuses = new Map<number, number>()
  const create = async () => {
    const { status } = await call('POST', `${fleet.shortenerUrl}/api/v1/links`, {
      url: 'https://example.com/outage',
    })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const worker = async () => {
    while (!signal.aborted) await create()
  }
  return Promise.all(Array.from({ length: creators }, worker)).then(() => statuses)
}

const shortenerBurns = { alertname: 'ErrorBudgetBurnFast', service: 'shortener', severity: 'page' }

test('creates that fail page somebody within a minute, and the console shows it', async () => {
  const judged = 'slo:sli_error:ratio_rate1m{sloth_id="shortener-requests-1d"}'
  await eventually(async () => (await prometheusValue(fleet, judged)) !== undefined, {
    withinMs: lookForMs,
    everyMs: 500,
  })
  expect((await activeAlerts(fleet)).filter(isAlert(shortenerBurns))).toEqual([])

  const stop = new AbortController()
  const creating = (async () => {
    await using _locked = await lockLinks()
    const startedMs = Date.now()
    const statuses = keepCreating(stop.signal)
    try {
      return { seconds: await secondsToPage(shortenerBurns, startedMs) }
    } finally {
      await showsAlert('ErrorBudgetBurnFast', 'shortener')
      stop.abort()
      const answered = await statuses
      console.log(`Creates were answered ${JSON.stringify([...answered])} while the table was locked.`)
      expect([...answered.keys()]).toEqual([503])
    }
  })()
  const { seconds } = await creating
  console.log(`The page of failing creates fired ${seconds.toFixed(1)} s after the outage began.`)
  expect(seconds).toBeLessThanOrEqual(pagedWithinSeconds)
  // The lock is gone, and all is as before.
  await eventually(async () => {
    const { status } = await call('POST', `${fleet.shortenerUrl}/api/v1/links`, {
      url: 'https://example.com/well',
    })
    return status === 201
  })
})

test('redirects that hang page somebody within a minute, although they are in no metric', async () => {
  const { services } = await readRunFile(fleet.home)
  const redirect = services.find(({ name }) => name === 'redirect')
  if (redirect === undefined) throw new Error('The fleet has no redirect.')
  const startedMs = Date.now()
  process.kill(redirect.pid, 'SIGSTOP')
  try {
    const byProber = await secondsToPage({ alertname: 'ProbeFailing', severity: 'page' }, startedMs, 15)
    const byScrapes = await secondsToPage(
      { alertname: 'ServiceDown', service: 'redirect', severity: 'page' },
      startedMs,
      15,
    )
    console.log(
      `The prober paged after ${byProber.toFixed(1)} s, the scrapes after ${byScrapes.toFixed(1)} s.`,
    )
    expect(Math.min(byProber, byScrapes)).toBeLessThanOrEqual(pagedWithinSeconds)
    await showsAlert('ServiceDown', 'redirect')
  } finally {
    process.kill(redirect.pid, 'SIGCONT')
  }
})

/** On the page that people look at, by what it is told. */
async function showsAlert(name: string, service: string): Promise<void> {
  const told = page.waitForResponse(
    async (response) =>
      response.url().includes('/api/console/slo?') &&
      (
        (await response.json()) as { alerts: { name: string; service: string; severity: string }[] }
      ).alerts.some((alert) => alert.name === name && alert.service === service && alert.severity === 'page'),
    { timeout: 60_000 },
  )
  await page.goto(`${fleet.consoleUrl}/slo`)
  await told
  await page.getByText(name).first().waitFor({ timeout: 30_000 })
}
