/** Live streams of two running instances: clicks that one of them counts are told by both, each once. */
import { connect } from 'node:net'
import { readConfig } from '@linkfleet/runtime/config'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { testContext } from '@linkfleet/testkit/service-context'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { analyticsConfig } from './config.ts'
import { type Analytics, startAnalytics } from './service.ts'
import { click, message, producerId } from './testing/clicks.ts'
import { type Fixture, openFixture } from './testing/fixture.ts'
import { type LinksServer, startLinksServer } from './testing/links-server.ts'

let resources: AsyncDisposableStack
let fixture: Fixture
let links: LinksServer
const instances: Analytics[] = []
let sequence = 0

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  fixture = resources.use(await openFixture(1))
  links = resources.use(await startLinksServer())
  links.codes.add('fresh')
  links.keys.add('right')
  // One partition: one of the two instances counts, and the other one counts nothing.
  instances.push(resources.use(await start()), resources.use(await start()))
  await send('seen')
  await eventually(async () => (await fixture.counted()) === 1, { withinMs: 60_000, everyMs: 50 })
})

afterAll(async () => {
  await resources.disposeAsync()
})

async function start(env: Record<string, string> = {}): Promise<Analytics> {
  const config = readConfig(analyticsConfig, {
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    ADMIN_PORT: '0',
    DATABASE_URL: fixture.database.url,
    DATABASE_REPLICA_URLS: fixture.database.replicaUrls.join(','),
    KAFKA_BROKERS: testKafkaBrokers().join(','),
    SHORTENER_ADDRESSES: links.address,
    CLICKS_TOPIC: fixture.topic,
    CLICKS_GROUP: fixture.group,
    LIVE_STREAMS_PER_CALLER_MAX: '5',
    ANONYMOUS_LOOPBACK: 'true',
    ...env,
  })
  return await startAnalytics(config, testContext('analytics'))
}

async function send(...codes: string[]): Promise<void> {
  const clicks = codes.map((code) => click({ sequence: ++sequence, code, atMs: Date.now() }))
  await fixture.send(0, [message(producerId(1), clicks)])
}

interface Event {
  readonly id: string
  readonly total: number
  readonly delta: number
  readonly humans: number
  readonly bots: number
  readonly asOf: string
}

interface Listener extends AsyncDisposable {
  readonly response: Response
  readonly events: Event[]
  readonly texts: string[]
  readonly ended: Promise<void>
}

async function listen(instance: Analytics | undefined, path: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  const response = await fetch(`${instance?.url}${path}`, { headers, signal: abort.signal })
  const events: Event[] = []
  const texts: string[] = []
  async function read(): Promise<void> {
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        texts.push(part)
        const found = /^id: (.*)\ndata: (.*)$/.exec(part)
        if (found !== null) events.push({ id: found[1], ...JSON.parse(found[2] ?? '') })
      }
    }
  }
  const ended = read().catch(() => {})
  return {
    response,
    events,
    texts,
    ended,
    async [Symbol.asyncDispose]() {
      abort.abort()
      await ended
    },
  } satisfies Listener
}

const until = (isTrue: () => boolean) => eventually(async () => isTrue(), { withinMs: 40_000, everyMs: 20 })
const live = '/api/v1/links/seen/stats/live'

test('both instances tell what one of them counts, and the deltas add up', async () => {
  await using first = await listen(instances[0], live)
  await using second = await listen(instances[1], live)
  await using fleet = await listen(instances[1], '/api/v1/stats/live')
  await using other = await listen(instances[0], '/api/v1/links/fresh/stats/live')
  expect(first.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(first.response.headers.get('cache-control')).toContain('no-store')
  expect(first.response.headers.get('x-accel-buffering')).toBe('no')
  const all = [first, second, fleet, other]
  await until(() => all.every(({ events }) => events.length > 0))
  expect(first.texts[0]).toBe('retry: 2000')
  expect(first.events[0]).toMatchObject({ total: 1, delta: 0, humans: 1, bots: 0 })
  for (let round = 0; round < 20; round++) await send('seen', 'seen', 'else')
  await until(() => [first, second].every(({ events }) => events.at(-1)?.total === 41))
  await until(() => fleet.events.at(-1)?.total === 61)
  for (const [{ events }, counted] of [
    [first, 40],
    [second, 40],
    [fleet, 60],
  ] as const) {
    expect(events[0]).toMatchObject({ total: 1, delta: 0 })
    expect(events.slice(1).reduce((sum, { delta }) => sum + delta, 0)).toBe(counted)
    expect(events.every(({ id, total }) => id === String(total))).toBe(true)
    expect(Date.parse(events.at(-1)?.asOf ?? '')).toBeGreaterThan(Date.now() - 60_000)
  }
  expect(other.events).toMatchObject([{ id: '0', total: 0, delta: 0 }])
})

test('a client that comes back, to another instance, is told what it missed, once', async () => {
  let last: Event | undefined
  {
    await using before = await listen(instances[0], live)
    await until(() => before.events.length > 0)
    last = before.events.at(-1)
  }
  await send('seen', 'seen', 'seen')
  await eventually(async () => (await fixture.counted()) >= (last?.total ?? 0) + 3 + 20, {
    withinMs: 40_000,
    everyMs: 50,
  })
  await using after = await listen(instances[1], live, { 'last-event-id': last?.id ?? '' })
  await until(() => after.events.at(-1)?.total === (last?.total ?? 0) + 3)
  expect(after.events.reduce((sum, { delta }) => sum + delta, 0)).toBe(3)
  await using idle = await listen(instances[1], live, { 'last-event-id': after.events.at(-1)?.id ?? '' })
  await using fleet = await listen(instances[1], '/api/v1/stats/live')
  await until(() => fleet.events.length === 1)
  // What came of another link was told to a stream that is asked for together with the idle one.
  await send('else')
  await until(() => fleet.events.length === 2)
  expect(idle.events).toEqual([])
  await send('seen')
  await until(() => idle.events.length > 0)
  expect(idle.events).toMatchObject([{ total: (last?.total ?? 0) + 4, delta: 1 }])
})

test.each([
  ['last-event-id', live, { 'last-event-id': 'yesterday' }, 400],
  ['code', '/api/v1/links/nowhere/stats/live', {}, 404],
  ['domain', `${live}?domain=else.example`, {}, 404],
  ['since', `${live}?since=1`, {}, 400],
])('what is wrong with %s is said in a problem', async (field, path, headers, status) => {
  const answer = await fetch(`${instances[0]?.url}${path}`, { headers: { ...headers } })
  expect([answer.status, await answer.json()]).toMatchObject([status, { field }])
})

test('a stranger gets none, and one caller only so many', async () => {
  await using strict = await start({ ANONYMOUS_LOOPBACK: 'false' })
  expect((await fetch(strict.url + live)).status).toBe(401)
  const key = { authorization: 'Bearer right' }
  await using open = new AsyncDisposableStack()
  for (let number = 0; number < 5; number++) open.use(await listen(strict, live, key))
  const refused = await fetch(strict.url + live, { headers: key })
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
  await open.disposeAsync()
  await eventually(
    async () => {
      await using again = await listen(strict, live, key)
      return again.response.status === 200
    },
    { withinMs: 40_000, everyMs: 50 },
  )
})

test('an instance serves so many streams in all, and HEAD opens none', async () => {
  await using small = await start({ LIVE_STREAMS_MAX: '1' })
  expect((await fetch(small.url + live, { method: 'HEAD' })).status).toBe(404)
  await using one = await listen(small, live)
  expect(one.response.status).toBe(200)
  expect((await fetch(small.url + live)).status).toBe(503)
})

test('a client that never reads holds no stop up, and an open stream is told to come back', async () => {
  const stopping = await start()
  await using open = await listen(stopping, live)
  const { hostname, port } = new URL(stopping.url)
  const deaf = connect(Number(port), hostname)
  deaf.pause()
  deaf.write(`GET ${live} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`)
  await until(() => open.events.length > 0)
  const startedMs = performance.now()
  await stopping[Symbol.asyncDispose]()
  // Half of what a client that does not read is given while nobody stops.
  expect(performance.now() - startedMs).toBeLessThan(15_000)
  await open.ended
  expect(open.texts.at(-1)).toMatch(/^retry: \d+$/)
  deaf.destroy()
})
