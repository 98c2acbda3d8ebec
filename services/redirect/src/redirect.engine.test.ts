import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { createRedisLinkCache, hashTagOf, type RedisCommands } from '@linkfleet/contracts/redis-link-cache'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis } from '@linkfleet/runtime/redis'
import { testRedisUrl } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  freePort,
  openRedirectBench,
  type RedirectBench,
  type RedirectProcess,
} from './testing/redirect-process.ts'

async function readiness(redirect: RedirectProcess) {
  return (await (await fetch(`${redirect.admin}/readyz`)).json()) as { dependencies: Record<string, string> }
}

const get = (url: string, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init })

describe('redirect as a process', () => {
  let bench: RedirectBench
  let redirect: RedirectProcess

  beforeAll(async () => {
    bench = await openRedirectBench()
    redirect = await bench.start()
    bench.shortener.links.set('live123', liveLink('live123', 1))
    bench.shortener.links.set('dead123', liveLink('dead123', 2, { state: LinkState.DELETED }))
    bench.shortener.links.set('past123', liveLink('past123', 3, { expiresAtMs: Date.now() - 1 }))
  })
  afterAll(async () => await bench[Symbol.asyncDispose]())

  test('GET answers 302 with the headers that keep clicks countable', async () => {
    const response = await get(`${redirect.url}/live123`, { headers: { 'user-agent': 'test/1' } })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe('https://example.com/live123?v=1')
    expect(response.headers.get('cache-control')).toBe('private, max-age=0')
    expect(response.headers.get('x-robots-tag')).toBe('noindex')
    expect(response.headers.get('referrer-policy')).toBeTruthy()
    expect(response.headers.get('click-recorded')).toBeNull()
    expect(await response.text()).toBe('')
  })

  test('HEAD answers like GET and is no click; nor is a prefetch', async () => {
    const head = await get(`${redirect.url}/live123`, { method: 'HEAD' })
    expect(head.status).toBe(302)
    expect(head.headers.get('location')).toBe('https://example.com/live123?v=1')
    expect((await get(`${redirect.url}/live123`, { headers: { 'sec-purpose': 'prefetch' } })).status).toBe(
      302,
    )
  })

  test('a browser gets a page, a program gets problem+json', async () => {
    const page = await get(`${redirect.url}/nothere`, { headers: { accept: 'text/html' } })
    expect(page.status).toBe(404)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('There is no such link')
    const problem = await get(`${redirect.url}/dead123`)
    expect(problem.status).toBe(410)
    expect(problem.headers.get('content-type')).toContain('application/problem+json')
    expect(await problem.json()).toMatchObject({ code: 'gone', status: 410 })
    expect((await get(`${redirect.url}/past123`)).status).toBe(410)
    expect((await get(`${redirect.url}/a/b`)).status).toBe(404)
    expect((await get(`${redirect.url}/%00`)).status).toBe(404)
    expect((await get(`${redirect.url}/`)).status).toBe(200)
    expect((await get(`${redirect.url}/robots.txt`)).status).toBe(200)
  })

  test('an alias that was asked for before it existed is found within a second of its create', async () => {
    expect((await get(`${redirect.url}/later12`)).status).toBe(404)
    bench.shortener.links.set('later12', liveLink('later12', 9))
    await eventually(async () => (await get(`${redirect.url}/later12`)).status === 302, { withinMs: 5_000 })
  })

  test('an edit is in force when the feed tells of it, while the copy in memory is still fresh', async () => {
    bench.shortener.links.set('edit123', liveLink('edit123', 10))
    const target = async () => (await get(`${redirect.url}/edit123`)).headers.get('location')
    await eventually(async () => (await readiness(redirect)).dependencies['link changes'] === 'up')
    expect(await target()).toContain('v=10')
    const edited = liveLink('edit123', 11)
    bench.shortener.links.set('edit123', edited)
    await bench.publishChange(edited)
    await eventually(async () => expect(await target()).toContain('v=11'), { withinMs: 8_000 })
    await bench.publishChange(liveLink('edit123', 12, { state: LinkState.DELETED }))
    bench.shortener.links.set('edit123', liveLink('edit123', 12, { state: LinkState.DELETED }))
    await eventually(async () => expect((await get(`${redirect.url}/edit123`)).status).toBe(410), {
      withinMs: 8_000,
    })
  })

  test('one click is on the topic for each GET that was answered with a redirect, and each orphan apart', async () => {
    await eventually(async () => {
      const clicks = await bench.countedClicks()
      const redirects = clicks.filter(({ kind, code }) => kind === ClickKind.REDIRECT && code === 'live123')
      expect(redirects).toHaveLength(1)
      expect(redirects[0]).toMatchObject({ userAgent: 'test/1', domainId: 1, orphanReason: 0 })
      const orphans = clicks.filter(({ kind }) => kind === ClickKind.ORPHAN)
      expect(orphans.map(({ orphanReason }) => orphanReason)).toEqual(
        expect.arrayContaining([OrphanReason.UNKNOWN, OrphanReason.DELETED, OrphanReason.EXPIRED]),
      )
    })
  })

  test('misses that come together travel together', async () => {
    const before = bench.shortener.asked.calls
    const codes = Array.from({ length: 200 }, (_, index) => `miss${index}`)
    await Promise.all(codes.map((code) => get(`${redirect.url}/${code}`)))
    for (const code of codes) expect(bench.shortener.asked.codes).toContain(code)
    // How many share a call depends on how fast this machine sends them: alone each would have its own.
    expect(bench.shortener.asked.calls - before).toBeLessThan(codes.length)
  })

  test('the series of the SLO and of the spool are there', async () => {
    const metrics = await (await fetch(`${redirect.admin}/metrics`)).text()
    expect(metrics).toMatch(
      /http_request_duration_seconds_bucket\{le="0.2",service="redirect",route="\/:code",method="GET",code="302"\} \d+/,
    )
    for (const name of [
      'redirect_stale_served_total',
      'redirect_spool_unsent_bytes',
      'redirect_breaker_open',
    ])
      expect(metrics).toContain(name)
  })
})

test('a redirect that has no Redis, no replica and no Kafka still follows links by the shortener', async () => {
  await using bench = await openRedirectBench()
  const nobody = `127.0.0.1:${await freePort()}`
  bench.shortener.links.set('alone12', liveLink('alone12', 1))
  const redirect = await bench.start({
    REDIS_URL: `redis://${nobody}`,
    KAFKA_BROKERS: nobody,
    DATABASE_REPLICA_URLS: `postgres://nobody@${nobody}/none`,
  })
  const response = await get(`${redirect.url}/alone12`)
  expect(response.status).toBe(302)
  expect(response.headers.get('click-recorded')).toBeNull()
})

test('nobody can say: 503 with Retry-After, never 404', async () => {
  await using bench = await openRedirectBench()
  const redirect = await bench.start()
  await bench.shortener[Symbol.asyncDispose]()
  const response = await get(`${redirect.url}/unknown`, { headers: { accept: 'text/html' } })
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('2')
})

test('clicks survive kill -9 of the process while Kafka is away: the next start sends them', async () => {
  await using bench = await openRedirectBench()
  bench.shortener.links.set('kill123', liveLink('kill123', 1))
  const nobody = `127.0.0.1:${await freePort()}`
  const first = await bench.start({ KAFKA_BROKERS: nobody })
  let acknowledged = 0
  let attempted = 0
  const clients = Array.from({ length: 8 }, async () => {
    for (;;) {
      attempted += 1
      try {
        const response = await get(`${first.url}/kill123`)
        if (response.status === 302 && response.headers.get('click-recorded') === null) acknowledged += 1
      } catch {
        return
      }
    }
  })
  await eventually(() => acknowledged >= 500)
  await first.kill('SIGKILL')
  await Promise.all(clients)
  await bench.start()
  await eventually(
    async () => {
      const counted = (await bench.countedClicks()).length
      expect(counted).toBeGreaterThanOrEqual(acknowledged)
      expect(counted).toBeLessThanOrEqual(attempted)
    },
    { withinMs: 30_000 },
  )
})

test('SIGTERM under load: every accepted request is answered and every click is on the topic at the exit', async () => {
  await using bench = await openRedirectBench()
  bench.shortener.links.set('term123', liveLink('term123', 1))
  const redirect = await bench.start()
  let answered = 0
  const clients = Array.from({ length: 8 }, async () => {
    for (;;) {
      try {
        const response = await get(`${redirect.url}/term123`)
        expect(response.status).toBe(302)
        answered += 1
      } catch (cause) {
        // Only a connection that was never accepted may fail.
        expect(String((cause as Error).cause)).toMatch(/ECONNREFUSED|ECONNRESET|other side closed/)
        return
      }
    }
  })
  await eventually(() => answered >= 300)
  expect(await redirect.kill('SIGTERM')).toBe(0)
  await Promise.all(clients)
  const counted = (await bench.countedClicks()).length
  expect(counted).toBeGreaterThanOrEqual(answered)
})

test('a marked copy in Redis is followed without asking the shortener', async () => {
  await using bench = await openRedirectBench()
  await using redis = openRedis({
    url: testRedisUrl(),
    name: 'test',
    commandTimeoutMs: 2_000,
    log: silentLogger(),
  })
  await eventually(() => redis.state() === 'up')
  const cache = createRedisLinkCache(redis.client as unknown as RedisCommands, bench.redisKeyPrefix)
  const copy = liveLink('redis12', 5)
  await cache.renew(hashTagOf(1, copy.code), { generation: 1, timeline: 1, floorMs: 0 })
  expect(await cache.fill({ copy, asOfMs: Date.now() })).toBe('stored')
  const redirect = await bench.start({ REDIS_TIMEOUT_MS: '5000' })
  await eventually(async () => (await readiness(redirect)).dependencies.redis === 'up')
  expect((await get(`${redirect.url}/redis12`)).headers.get('location')).toBe(copy.targetUrl)
  expect(bench.shortener.asked.codes).not.toContain('redis12')
})
