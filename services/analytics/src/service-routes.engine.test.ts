/** What the running service answers besides the statistics of a link. */
import { StatsClient } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { readConfig } from '@linkfleet/runtime/config'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { testContext } from '@linkfleet/testkit/service-context'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { analyticsConfig } from './config.ts'
import { type Analytics, startAnalytics } from './service.ts'
import { click, googlebot, message, producerId } from './testing/clicks.ts'
import { openFixture } from './testing/fixture.ts'
import { startLinksServer } from './testing/links-server.ts'

let resources: AsyncDisposableStack
let analytics: Analytics

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  const fixture = resources.use(await openFixture(1))
  const links = resources.use(await startLinksServer())
  const config = readConfig(analyticsConfig, {
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: fixture.database.url,
    KAFKA_BROKERS: testKafkaBrokers().join(','),
    SHORTENER_ADDRESSES: links.address,
    PUBLIC_URL: 'http://go.example:8080',
    CLICKS_TOPIC: fixture.topic,
    CLICKS_GROUP: fixture.group,
    ANONYMOUS_LOOPBACK: 'true',
  })
  analytics = resources.use(await startAnalytics(config, testContext('analytics')))
  const atMs = Date.now()
  await fixture.send(0, [
    message(producerId(1), [
      click({ sequence: 1, code: 'seen', atMs }),
      click({ sequence: 2, code: 'seen', atMs }),
      click({ sequence: 3, code: 'seen', atMs, userAgent: googlebot }),
      click({ sequence: 4, code: 'other', atMs }),
    ]),
  ])
  await eventually(async () => (await get('/api/v1/stats/summary')).body.total === 4, {
    withinMs: 60_000,
    everyMs: 50,
  })
})

afterAll(async () => {
  await resources.disposeAsync()
})

// biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of many shapes
async function get(path: string): Promise<{ status: number; body: any }> {
  const response = await fetch(analytics.url + path, { signal: AbortSignal.timeout(10_000) })
  return { status: response.status, body: await response.json() }
}

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)

describe('the links with the most clicks', () => {
  it('come first', async () => {
    const { body } = await get('/api/v1/stats/top')
    expect(body.links).toEqual([
      { code: 'seen', domain: 'go.example:8080', clicks: 3, humans: 2, bots: 1 },
      { code: 'other', domain: 'go.example:8080', clicks: 1, humans: 1, bots: 0 },
    ])
    expect((await get('/api/v1/stats/top?limit=1')).body.links).toHaveLength(1)
    expect((await get(`/api/v1/stats/top?from=${daysAgo(60)}&to=${daysAgo(59)}`)).body.links).toEqual([])
  })

  it.each([
    ['limit', '?limit=0'],
    ['limit', '?limit=101'],
    ['limit', '?limit=many'],
    ['from', '?from=2025-01-01&to=2025-12-31'],
    ['from', '?from=2026-02-02&to=2026-02-01'],
    ['from', `?from=${daysAgo(405)}&to=${daysAgo(403)}`],
    ['from', `?from=${daysAgo(405)}&to=${daysAgo(390)}`],
    ['to', '?to=never'],
    ['timezone', '?timezone=UTC'],
  ])('name the field %s that is wrong in %s', async (field, query) => {
    expect(await get(`/api/v1/stats/top${query}`)).toMatchObject({ status: 400, body: { field } })
  })
})

describe('the description of the API', () => {
  it('is OpenAPI 3.1, names every route, and can be browsed', async () => {
    const { body } = await get('/api/v1/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths).sort()).toEqual([
      '/api/v1/links/{code}/stats',
      '/api/v1/links/{code}/stats/export',
      '/api/v1/links/{code}/stats/live',
      '/api/v1/stats/export',
      '/api/v1/stats/live',
      '/api/v1/stats/summary',
      '/api/v1/stats/top',
    ])
    expect((await fetch(`${analytics.url}/api/v1/docs/`)).status).toBe(200)
  })

  it('describes what is answered', async () => {
    const { body } = await get('/api/v1/openapi.json')
    const described = body.components.schemas.LinkStats.properties
    expect(Object.keys((await get('/api/v1/links/seen/stats')).body).sort()).toEqual(
      Object.keys(described).sort(),
    )
  })
})

describe('Stats/GetVisitorSalts', () => {
  it('gives the salt of the day, the same to all', async () => {
    using client = openGrpcClient(StatsClient, { addresses: [analytics.grpcAddress], deadlineMs: 20_000 })
    const { salts } = await client.call((api) => api.getVisitorSalts, {})
    expect(salts[0]?.dayStartMs).toBe(Math.floor(Date.now() / 86_400_000) * 86_400_000)
    expect(salts[0]?.salt).toHaveLength(32)
    expect((await client.call((api) => api.getVisitorSalts, {})).salts).toEqual(salts)
  })
})
