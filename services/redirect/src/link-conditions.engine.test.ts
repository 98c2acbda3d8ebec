/** Limits that hold over instances as the processes they are: clicks of limited links, misses, passwords. */
import { scryptSync } from 'node:crypto'
import { ClickKind } from '@linkfleet/contracts/clicks'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  freePort,
  openRedirectBench,
  type RedirectBench,
  type RedirectProcess,
} from './testing/redirect-process.ts'

let bench: RedirectBench
beforeAll(async () => {
  bench = await openRedirectBench()
})
afterAll(async () => await bench?.[Symbol.asyncDispose]())

const behindProxy = { TRUSTED_PROXIES: '127.0.0.1', MISS_LIMIT_PER_MINUTE: '20' }
/** Patient with Redis: an instance that finds it slow counts by itself for a while, and these tests count over instances. */
const countedTogether = { ...behindProxy, REDIS_TIMEOUT_MS: '5000' }

async function statusOf(
  { url }: RedirectProcess,
  path: string,
  init: RequestInit & { client?: string } = {},
): Promise<number> {
  const headers = {
    ...init.headers,
    ...(init.client === undefined ? {} : { 'x-forwarded-for': init.client }),
  }
  const response = await fetch(`${url}/${path}`, { ...init, headers, redirect: 'manual' })
  await response.arrayBuffer()
  return response.status
}

/** Follows a link through several instances at once until all say that it is used up; those that die fail. */
async function followAll(
  instances: readonly RedirectProcess[],
  code: string,
  times: number,
  clients: number,
) {
  let followed = 0
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let index = 0; index < times; index++) {
        const status = await statusOf(instances[(client + index) % instances.length]!, code).catch(() => 0)
        if (status === 302) followed += 1
      }
    }),
  )
  return followed
}

test('three instances, one of them killed: a link is followed as often as it may be, less what the dead one held', async () => {
  const maxClicks = 300
  bench.shortener.links.set('limit12', liveLink('limit12', 1, { maxClicks }))
  const [a, b, c] = await Promise.all([bench.start(), bench.start(), bench.start()])
  const load = followAll([a, b, c], 'limit12', 40, 6)
  await eventually(async () => (await leasedOf(a)) > 0)
  await a.kill('SIGKILL')
  let followed = await load
  await eventually(async () => {
    followed += await followAll([b, c], 'limit12', 20, 4)
    return (await statusOf(b, 'limit12')) === 410 && (await statusOf(c, 'limit12')) === 410
  })
  expect(followed).toBeLessThanOrEqual(maxClicks)
  expect(followed).toBeGreaterThan(maxClicks / 2)
  await Promise.all([b.kill('SIGTERM'), c.kill('SIGTERM')])
  // Somebody has to send what the killed one left; it may have recorded clicks whose answers never came.
  const last = await bench.start()
  await eventually(
    async () => {
      const counted = (await bench.countedClicks()).filter(({ code }) => code === 'limit12')
      const redirects = counted.filter(({ kind }) => kind === ClickKind.REDIRECT).length
      expect(redirects).toBeGreaterThanOrEqual(followed)
      expect(redirects).toBeLessThanOrEqual(maxClicks)
    },
    { withinMs: 30_000, everyMs: 500 },
  )
  await last.kill('SIGTERM')
})

async function leasedOf({ admin }: RedirectProcess): Promise<number> {
  const metrics = await (await fetch(`${admin}/metrics`)).text()
  return Number(/^redirect_leased_clicks(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1] ?? 0)
}

test('a clean stop gives back what it leased: the next instance can use all of the rest', async () => {
  bench.shortener.links.set('return1', liveLink('return1', 1, { maxClicks: 100 }))
  const first = await bench.start()
  for (let index = 0; index < 10; index++) expect(await statusOf(first, 'return1')).toBe(302)
  expect(await leasedOf(first)).toBeGreaterThan(0)
  expect(await first.kill('SIGTERM')).toBe(0)
  const second = await bench.start()
  for (let index = 0; index < 90; index++) expect(await statusOf(second, 'return1')).toBe(302)
  expect(await statusOf(second, 'return1')).toBe(410)
  await second.kill('SIGTERM')
})

test('with the shortener away what is leased is followed, then 503 with Retry-After; plain links go on', async () => {
  await using alone = await openRedirectBench()
  alone.shortener.links.set('plain12', liveLink('plain12', 1))
  alone.shortener.links.set('away123', liveLink('away123', 1, { maxClicks: 1_000 }))
  const redirect = await alone.start()
  expect(await statusOf(redirect, 'plain12')).toBe(302)
  for (let index = 0; index < 10; index++) expect(await statusOf(redirect, 'away123')).toBe(302)
  const leased = await leasedOf(redirect)
  expect(leased).toBeGreaterThan(0)
  await alone.shortener[Symbol.asyncDispose]()
  for (let index = 0; index < leased; index++) expect(await statusOf(redirect, 'away123')).toBe(302)
  const answer = await fetch(`${redirect.url}/away123`, { redirect: 'manual' })
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await statusOf(redirect, 'plain12')).toBe(302)
  await redirect.kill('SIGTERM')
})

test('misses are counted over instances: who was slowed on one is slowed on the next after its first miss', async () => {
  bench.shortener.links.set('there12', liveLink('there12', 1))
  const [a, b] = await Promise.all([bench.start(countedTogether), bench.start(countedTogether)])
  const client = '203.0.113.50'
  for (let index = 0; index < 20; index++) expect(await statusOf(a, `none${index}`, { client })).toBe(404)
  expect(await statusOf(b, 'there12', { client })).toBe(302)
  expect(await statusOf(b, 'none', { client })).toBe(404)
  await eventually(async () => (await statusOf(b, 'there12', { client })) === 429)
  expect(await statusOf(b, 'there12', { client: '203.0.113.51' })).toBe(302)
  await Promise.all([a.kill('SIGTERM'), b.kill('SIGTERM')])
})

test('without Redis each instance counts by itself', async () => {
  bench.shortener.links.set('there34', liveLink('there34', 1))
  const redirect = await bench.start({ ...behindProxy, REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
  const client = '203.0.113.60'
  for (let index = 0; index < 21; index++)
    expect(await statusOf(redirect, `none${index}`, { client })).toBe(404)
  await eventually(async () => (await statusOf(redirect, 'there34', { client })) === 429)
  await redirect.kill('SIGTERM')
})

test('wrong passwords are counted over instances', async () => {
  const salt = Buffer.alloc(16, 7)
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const hash = scryptSync('right', salt, 32, { N: 16, r: 1, p: 1 })
  const passwordVerifier = `$scrypt$ln=4,r=1,p=1$${unpadded(salt)}$${unpadded(hash)}`
  bench.shortener.links.set('secret1', liveLink('secret1', 1, { passwordProtected: true, passwordVerifier }))
  const [a, b] = await Promise.all([bench.start(countedTogether), bench.start(countedTogether)])
  const attempt = (redirect: RedirectProcess, password: string, client: string) =>
    statusOf(redirect, 'secret1', { method: 'POST', body: new URLSearchParams({ password }), client })
  for (let index = 0; index < 5; index++) {
    for (const redirect of [a, b]) expect(await attempt(redirect, 'wrong', '203.0.113.70')).toBe(403)
  }
  for (const redirect of [a, b]) expect(await attempt(redirect, 'right', '203.0.113.70')).toBe(429)
  expect(await attempt(a, 'right', '203.0.113.71')).toBe(303)
  await Promise.all([a.kill('SIGTERM'), b.kill('SIGTERM')])
})
