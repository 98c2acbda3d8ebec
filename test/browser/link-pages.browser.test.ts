/** The pages of redirect in a real browser, whose rules about forms and policies no other client has. */
import { createLink, readStats, untilCounted } from '@linkfleet/testkit/fleet-client'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type OpenBrowser, openBrowser, targetHost } from './open-browser.ts'

const fleet = inject('fleet')
const target = `http://${targetHost}/secret`
let open: OpenBrowser

beforeAll(async () => {
  open = await openBrowser()
})
afterAll(async () => await open?.[Symbol.asyncDispose]())

/** A page that notes what the browser complains of: refused styles, forms and scripts among it. */
async function newPage() {
  const page = await open.browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 403'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints }
}

test('a person who mistypes the password of a link gets another try, then lands on another host', async () => {
  const { code } = await createLink(fleet, { url: target, password: 'open sesame', redirectStatus: 307 })
  const { page, complaints } = await newPage()
  await page.goto(`${fleet.redirectUrl}/${code}`)
  await page.getByLabel('Password').fill('open barley')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('That is not the password').waitFor()
  expect(page.url()).toBe(`${fleet.redirectUrl}/${code}`)
  await page.getByLabel('Password').fill('open sesame')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL(target)
  expect(await page.title()).toBe('Landed')
  expect(complaints).toEqual([])
  await page.close()
  await untilCounted(fleet, code, 1)
})

test('a person who looks before they follow sees where a link leads, and the look is no click', async () => {
  const { code } = await createLink(fleet, { url: target, title: '<img src=x onerror=alert(1)>' })
  const { page, complaints } = await newPage()
  await page.goto(`${fleet.redirectUrl}/${code}+`)
  await page.getByText(target).waitFor()
  await page.getByText('<img src=x onerror=alert(1)>').waitFor()
  expect((await readStats(fleet, code)).total).toBe(0)
  expect(complaints).toEqual([])
  await page.getByRole('link', { name: 'Continue to this address' }).click()
  await page.waitForURL(target)
  await page.close()
  await untilCounted(fleet, code, 1)
})
