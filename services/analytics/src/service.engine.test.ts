import { StatsClient } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { readConfig } from '@linkfleet/runtime/config'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { testContext } from '@linkfleet/testkit/service-context'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { analyticsConfig } from './config.ts'
import { type Analytics, startAnalytics } from './service.ts'
import { chrome, click, googlebot, message, producerId } from './testing/clicks.ts'
import { type Fixture, openFixture } from './testing/fixture.ts'
import { type LinksServer, startLinksServer } from './testing/links-server.ts'

let resources: AsyncDisposableStack
let fixture: Fixture
let links: LinksServer
let analytics: Analytics
const context = testContext('analytics')
const atMs = Date.now()

function configWith(env: Record<string, string>) {
  return readConfig(analyticsConfig, {
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: fixture.database.url,
    DATABASE_REPLICA_URLS: fixture.database.replicaUrls.join(','),
    KAFKA_BROKERS: testKafkaBrokers().join(','),
    SHORTENER_ADDRESSES: links.address,
    PUBLIC_URL: 'http://go.example:8080',
    CLICKS_TOPIC: fixture.topic,
    CLICKS_GROUP: fixture.group,
    ANONYMOUS_LOOPBACK: 'true',
    ...env,
  })
}

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  fixture = resources.use(await openFixture(2))
  links = resources.use(await startLinksServer())
  analytics = resources.use(await startAnalytics(configWith({}), context))
  await fixture.send(0, [
    message(producerId(1), [
      click({ sequence: 1, code: 'seen', atMs, userAgent: chrome, country: 'AT', referrerHost: 'a.example' }),
      click({ sequence: 2, code: 'seen', atMs, userAgent: chrome, country: 'AT' }),
      click({ sequence: 3, code: 'seen', atMs, userAgent: googlebot }),
      click({ sequence: 4, code: 'other', atMs }),
      click({ sequence: 5, code: 'gone', atMs, kind: 2, orphanReason: 3 }),
    ]),
  ])
  const isCounted = async () => {
    const { body } = await stats('seen')
    return body.total === 3 && body.asOf !== null
  }
  await eventually(isCounted, { withinMs: 60_000, everyMs: 50 })
})

afterAll(async () => {
  await resources.disposeAsync()
})

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of many shapes
  readonly body: any
  readonly type: string | null
}

async function get(
  path: string,
  headers: Record<string, string> = {},
  base = analytics.url,
): Promise<Answer> {
  const response = await fetch(base + path, { headers, signal: AbortSignal.timeout(10_000) })
  return { status: response.status, body: await response.json(), type: response.headers.get('content-type') }
}

const stats = (code: string, query = '') => get(`/api/v1/links/${code}/stats${query}`)

describe('the statistics of a link', () => {
  it('are its clicks, and the parts add up', async () => {
    const { status, body } = await stats('seen')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      code: 'seen',
      total: 3,
      humans: 2,
      bots: 1,
      orphans: 0,
      interval: 'day',
      clicks: 3,
    })
    expect(body.firstClickAt).toBe(new Date(atMs).toISOString())
    expect(body.series).toHaveLength(30)
    expect(body.series.at(-1)).toMatchObject({ clicks: 3, humans: 2, bots: 1 })
    expect(body.countries).toEqual([
      { name: 'AT', clicks: 2 },
      { name: null, clicks: 1 },
    ])
    expect(body.referrers).toEqual([
      { name: 'a.example', clicks: 1 },
      { name: null, clicks: 2 },
    ])
    for (const parts of ['countries', 'referrers', 'browsers', 'operatingSystems', 'devices', 'languages']) {
      expect(body[parts].reduce((sum: number, part: { clicks: number }) => sum + part.clicks, 0)).toBe(3)
    }
    expect(Math.abs(Date.now() - Date.parse(body.asOf))).toBeLessThan(15_000)
  })

  it.each(['minute', 'hour', 'day'])('are there by %s', async (interval) => {
    const { body } = await stats('seen', `?interval=${interval}`)
    expect(body.series.reduce((sum: number, point: { clicks: number }) => sum + point.clicks, 0)).toBe(3)
  })

  it('of another range are zeros there, and the totals stay', async () => {
    const { body } = await stats('seen', '?from=2026-01-01&to=2026-01-03')
    expect(body).toMatchObject({ total: 3, clicks: 0, countries: [] })
    expect(body.series.map(({ start }: { start: string }) => start)).toEqual([
      '2026-01-01T00:00:00.000Z',
      '2026-01-02T00:00:00.000Z',
    ])
  })

  it('are zeros for a link that nobody followed, and 404 for a code that nobody made', async () => {
    links.codes.add('fresh')
    expect((await stats('fresh')).body).toMatchObject({ code: 'fresh', total: 0, firstClickAt: null })
    expect(await stats('unknown')).toMatchObject({
      status: 404,
      type: 'application/problem+json; charset=utf-8',
      body: { code: 'not-found', field: 'code' },
    })
  })

  it('know the default domain by its name', async () => {
    expect((await stats('seen', '?domain=go.example:8080')).status).toBe(200)
    expect(await stats('seen', '?domain=other.example')).toMatchObject({
      status: 404,
      body: { field: 'domain' },
    })
  })

  it('are filtered by one value of one dimension', async () => {
    const { body } = await stats('seen', '?filter=country:AT')
    expect(body).toMatchObject({ code: 'seen', filter: { dimension: 'country', value: 'AT' }, clicks: 2 })
    expect(body).not.toHaveProperty('browsers')
    expect((await stats('seen', '?filter=country:FR')).body.clicks).toBe(0)
    expect((await stats('unknown', '?filter=country:AT')).status).toBe(404)
  })

  it('have days where the asker is', async () => {
    const { body } = await stats('seen', '?timezone=America/New_York')
    expect(body).toMatchObject({ timezone: 'America/New_York', clicks: 3 })
    expect(body.series).toHaveLength(30)
  })

  it('count orphan clicks apart', async () => {
    expect((await stats('gone')).body).toMatchObject({
      total: 0,
      orphans: 1,
      orphansByReason: { deleted: 1, expired: 0 },
      clicks: 0,
    })
  })

  it.each([
    ['from', '?from=tomorrow'],
    ['from', '?from=2026-02-02&to=2026-02-01'],
    ['interval', '?interval=fortnight'],
    ['interval', '?interval=minute&from=2001-01-01&to=2051-01-01'],
    ['timezone', '?timezone=Mars/Olympus'],
    ['timezone', '?timezone='],
    ['from', '?timezone=Asia/Kolkata&from=2024-01-01&to=2024-01-02'],
    ['filter', '?filter=x'],
    ['filter', '?filter=country:'],
    ['filter', '?filter=planet:Mars'],
    ['filter', '?filter=country:AT&filter=browser:Chrome'],
    ['interval', '?filter=country:AT&interval=hour'],
    ['timezone', '?filter=country:AT&timezone=Europe/Berlin'],
    ['from', '?from=2026-01-01&from=2026-01-02'],
    ['colour', '?colour=red'],
  ])('name the field %s that is wrong in %s', async (field, query) => {
    expect(await stats('seen', query)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', field },
    })
  })

  it.each(['%00', '%ED%A0%80', 'x'.repeat(200)])('of the hostile code %s are a 4xx', async (code) => {
    const { status } = await stats(code)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })
})

describe('where statistics are read', () => {
  it('is a replica, as long as one is fresh', async () => {
    await stats('seen')
    const reads = await context.metrics.registry.getSingleMetric('analytics_stats_reads_total')?.get()
    const replica = reads?.values.find(({ labels }) => labels.source === 'replica')
    expect(replica?.value).toBeGreaterThan(0)
  })
})

describe('the summary of the fleet', () => {
  it('is the sum of all links', async () => {
    const { body } = await get('/api/v1/stats/summary?interval=hour')
    expect(body).toMatchObject({ total: 4, humans: 3, bots: 1, orphans: 1, interval: 'hour', clicks: 4 })
    expect(body.series).toHaveLength(48)
  })
})

describe('Stats/GetTotals', () => {
  it('answers each key in its order and refuses too many', async () => {
    using client = openGrpcClient(StatsClient, { addresses: [analytics.grpcAddress], deadlineMs: 20_000 })
    const keysOf = (...codes: string[]) => ({ keys: codes.map((code) => ({ domainId: 1, code })) })
    const answer = await client.call((api) => api.getTotals, keysOf('nobody', 'seen', 'other', 'a\0b'))
    expect(answer.totals.map(({ key, total, humans, bots }) => [key?.code, total, humans, bots])).toEqual([
      ['nobody', 0, 0, 0],
      ['seen', 3, 2, 1],
      ['other', 1, 1, 0],
      ['a\0b', 0, 0, 0],
    ])
    expect(answer.asOfMs).toBeGreaterThan(atMs - 60_000)
    const tooMany = keysOf(...Array.from({ length: 1_001 }, (_none, index) => `c${index}`))
    await expect(client.call((api) => api.getTotals, tooMany)).rejects.toMatchObject({
      code: 'invalid-request',
      field: 'keys',
    })
    await expect(client.call((api) => api.getTotals, { keys: [] })).rejects.toMatchObject({ field: 'keys' })
  })
})

describe('who may read statistics', () => {
  it('is whoever shows a valid key, and each key is checked once in 10 s', async () => {
    links.keys.add('right')
    const before = links.checks()
    const bearer = { authorization: 'Bearer right' }
    expect((await get('/api/v1/links/seen/stats', bearer)).status).toBe(200)
    expect((await get('/api/v1/links/seen/stats', { 'x-api-key': 'right' })).status).toBe(200)
    expect(links.checks()).toBe(before + 1)
    expect(await get('/api/v1/links/seen/stats', { authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
  })

  it('is not an anonymous caller who was forwarded', async () => {
    const forwarded = { 'x-forwarded-for': '127.0.0.1' }
    expect((await get('/api/v1/stats/summary', forwarded)).status).toBe(401)
  })

  it('is no anonymous caller where the setting is absent, even with every engine away', async () => {
    const dead = {
      ANONYMOUS_LOOPBACK: '',
      DATABASE_URL: 'postgres://u:p@127.0.0.1:1/db',
      DATABASE_REPLICA_URLS: 'postgres://u:p@127.0.0.1:1/db',
      KAFKA_BROKERS: '127.0.0.1:1',
      SHORTENER_ADDRESSES: '127.0.0.1:1',
    }
    const own = testContext('analytics')
    await using lonely = await startAnalytics(configWith(dead), own)
    expect(own.health.report().status).toBe('ready')
    expect((await get('/api/v1/stats/summary', {}, lonely.url)).status).toBe(401)
    const bearer = { authorization: 'Bearer right' }
    expect(await get('/api/v1/stats/summary', bearer, lonely.url)).toMatchObject({
      body: { code: 'unavailable' },
    })
  })
})

describe('without its engines', () => {
  it('analytics starts, says what is away, and answers 503', async () => {
    const away = 'postgres://u:p@127.0.0.1:1/db'
    const own = testContext('analytics')
    const config = configWith({ DATABASE_URL: away, DATABASE_REPLICA_URLS: '', KAFKA_BROKERS: '127.0.0.1:1' })
    await using lonely = await startAnalytics(config, own)
    expect(await get('/api/v1/links/seen/stats', {}, lonely.url)).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    })
    const { dependencies } = own.health.report()
    expect(dependencies['postgres-primary']).not.toBe('up')
    expect(dependencies.kafka).not.toBe('up')
  })

  it('a replica that is away is passed over for the primary', async () => {
    const config = configWith({
      DATABASE_REPLICA_URLS: 'postgres://u:p@127.0.0.1:1/db',
      CLICKS_GROUP: `${fixture.group}-2`,
    })
    await using other = await startAnalytics(config, testContext('analytics'))
    expect(await get('/api/v1/links/seen/stats', {}, other.url)).toMatchObject({
      status: 200,
      body: { total: 3 },
    })
  })
})
