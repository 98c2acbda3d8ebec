import { type DecodedLinkChange, decodeFeedRecord } from '@linkfleet/contracts/link-changes'
import {
  createRedisLinkCache,
  decodeMark,
  entryKey,
  hashTagCount,
  hashTagOf,
  markKey,
  type RedisLinkCache,
} from '@linkfleet/contracts/redis-link-cache'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import type { Pool } from '@linkfleet/runtime/postgres'
import { openRedis, type RedisConnection } from '@linkfleet/runtime/redis'
import { testKafkaBrokers, testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { within } from './testing/deadline.ts'
import { callApi, openTestFleet, type TestFleet, untilAnswered } from './testing/start.ts'
import { openTcpProxy } from './testing/tcp-proxy.ts'

const log = silentLogger()
let resources: AsyncDisposableStack
let fleet: TestFleet
let pool: Pool
let redis: RedisConnection
let cache: RedisLinkCache

beforeEach(async () => {
  resources = new AsyncDisposableStack()
  fleet = resources.use(await openTestFleet())
  pool = resources.use(openTestPool(fleet.database.url, { maxConnections: 3, statementTimeoutMs: 5_000 }))
  redis = resources.use(openRedis({ url: testRedisUrl(), name: 'test', commandTimeoutMs: 2_000, log }))
  cache = createRedisLinkCache(redis.client, fleet.redisKeyPrefix)
  await eventually(() => redis.state() === 'up')
})
// The pool of the test goes before the database that it is connected to.
afterEach(async () => await resources.disposeAsync())

const createOn = async (shortener: Shortener, fields: Record<string, unknown> = {}) => {
  const body = { url: 'https://example.com/', ...fields }
  const answer = await untilAnswered(() => callApi(shortener, 'POST', '/api/v1/links', body))
  expect(answer.status).toBe(201)
  return answer.body
}
const edit = async (shortener: Shortener, code: string, title: string) => {
  const answer = await untilAnswered(() => callApi(shortener, 'PATCH', `/api/v1/links/${code}`, { title }))
  expect(answer.status).toBe(200)
  return answer.body
}
const startActive = async (env: Record<string, string> = {}) => {
  const shortener = await fleet.start(env)
  await eventually(() => shortener.isActiveRelay)
  return shortener
}
const outbox = async () =>
  (
    await pool.query<{ version: number; redis_done: boolean; kafka_done: boolean }>(
      'SELECT version, redis_done, kafka_done FROM links.outbox ORDER BY version',
    )
  ).rows
const emptyOutbox = () => eventually(async () => (await outbox()).length === 0, { withinMs: 20_000 })
const mark = async (hashTag: number) =>
  decodeMark(await redis.client.get(markKey(fleet.redisKeyPrefix, hashTag)))
const marked = () => eventually(async () => ((await mark(hashTagCount - 1))?.watermarkMs ?? 0) > 0)

/** The records of the topic, in order, until there are enough. */
async function readChanges(
  isEnough: (changes: readonly DecodedLinkChange[]) => boolean,
): Promise<DecodedLinkChange[]> {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log })
  const consumer = kafka.consumer({ groupId: uniqueName('test') })
  const changes: DecodedLinkChange[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: fleet.topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        const change = decodeFeedRecord(message.value)?.change
        if (change !== undefined) changes.push(change)
      },
    })
    await eventually(() => isEnough(changes), { withinMs: 20_000 })
    return changes
  } finally {
    await consumer.disconnect()
  }
}

describe('a change', () => {
  it('is in Redis before it is answered, and then in Kafka, and its outbox row goes', async () => {
    const shortener = await startActive()
    await marked()
    const link = await createOn(shortener, { expiresAt: '2099-01-01T00:00:00Z' })
    const cached = await cache.read(1, link.code)
    expect(cached?.copy).toMatchObject({
      code: link.code,
      version: link.version,
      targetUrl: 'https://example.com/',
    })
    await emptyOutbox()
    const [change] = await readChanges((all) => all.length >= 1)
    expect(change?.link).toEqual(cached?.copy)
  })

  it('reaches Kafka in the order of its versions, and the last one is what is stored', async () => {
    const shortener = await startActive()
    const links = await Promise.all(Array.from({ length: 5 }, () => createOn(shortener)))
    for (let n = 0; n < 10; n++) await Promise.all(links.map(({ code }) => edit(shortener, code, `t${n}`)))
    const deleted = await untilAnswered(() => callApi(shortener, 'DELETE', `/api/v1/links/${links[0]?.code}`))
    // The second is of one whose first answer told of no outcome.
    expect([204, 404]).toContain(deleted.status)
    await emptyOutbox()
    const { rows: stored } = await pool.query<{ code: string; version: number; state: number }>(
      'SELECT code, version, state FROM links.links ORDER BY version',
    )
    const newest = stored.at(-1)?.version
    const changes = await readChanges((all) =>
      stored.every(({ version }) => all.some(({ link }) => link.version === version)),
    )
    expect(Math.max(...changes.map(({ link }) => link.version))).toBe(newest)
    for (const { code } of links) {
      const versions = changes.filter(({ link }) => link.code === code).map(({ link }) => link.version)
      expect(versions).toEqual(versions.toSorted((one, other) => one - other))
      const last = changes.findLast(({ link }) => link.code === code)?.link
      expect({ code, version: last?.version, state: last?.state }).toEqual(
        stored.find((row) => row.code === code),
      )
      expect((await cache.read(1, code))?.copy).toEqual(last)
    }
  })
})

describe('freshness', () => {
  it('grows: the heartbeat beats, and every watermark follows it', async () => {
    const shortener = await startActive()
    const { code } = await createOn(shortener)
    await marked()
    await emptyOutbox()
    const first = await cache.read(1, code)
    await eventually(async () => ((await cache.read(1, code))?.asOfMs ?? 0) >= (first?.asOfMs ?? 0) + 2_000)
    const { rows } = await pool.query<{ beat_ms: number }>(
      'SELECT floor(extract(epoch FROM beat_at) * 1000)::bigint AS beat_ms FROM links.heartbeat',
    )
    for (let hashTag = 0; hashTag < hashTagCount; hashTag++) {
      const watermarkMs = (await mark(hashTag))?.watermarkMs ?? 0
      expect(watermarkMs).toBeGreaterThan((rows[0]?.beat_ms ?? 0) - 2_500)
    }
  })

  it('does not move while a change is missing in Redis', async () => {
    const shortener = await startActive()
    const { code } = await createOn(shortener)
    await marked()
    await emptyOutbox()
    // A value of another type makes every script on this key fail: the change cannot be applied.
    const key = entryKey(fleet.redisKeyPrefix, 1, code)
    await redis.client.del(key)
    await redis.client.lpush(key, 'in the way')
    const { version } = await edit(shortener, code, 'changed')
    await eventually(async () => (await outbox()).some((row) => row.kafka_done))
    const before = await mark(hashTagOf(1, code))
    const other = (hashTagOf(1, code) + 1) % hashTagCount
    const otherBefore = (await mark(other))?.watermarkMs ?? 0
    await eventually(async () => ((await mark(other))?.watermarkMs ?? 0) > otherBefore + 1_500)
    expect((await mark(hashTagOf(1, code)))?.watermarkMs).toBe(before?.watermarkMs)
    await redis.client.del(key)
    await emptyOutbox()
    await eventually(
      async () => ((await mark(hashTagOf(1, code)))?.watermarkMs ?? 0) > (before?.watermarkMs ?? 0),
    )
    expect((await cache.read(1, code))?.copy.version).toBe(version)
  })

  it('starts a new generation after a flush, in which no fill from before it is taken', async () => {
    const shortener = await startActive()
    const { code } = await createOn(shortener)
    await marked()
    await emptyOutbox()
    const old = await cache.read(1, code)
    expect(old?.copy.code).toBe(code)
    const before = await mark(0)
    const keys = await redis.client.keys(`${fleet.redisKeyPrefix}*`)
    await redis.client.del(...keys)
    await eventually(async () => ((await mark(hashTagCount - 1))?.watermarkMs ?? 0) > 0)
    expect((await mark(0))?.generation).toBeGreaterThan(before?.generation ?? 0)
    expect(await cache.fill(old as NonNullable<typeof old>)).toBe('refused')
  })
})

describe('while a sink is away', () => {
  it('creates go on without Redis, Kafka is told, and Redis is brought up to date when it is back', async () => {
    await using proxy = await openTcpProxy(testRedisUrl())
    const shortener = await startActive({ REDIS_URL: proxy.url })
    await marked()
    proxy.cut()
    const links = await Promise.all(Array.from({ length: 20 }, () => createOn(shortener)))
    await eventually(async () => (await outbox()).every((row) => row.kafka_done && !row.redis_done))
    expect(await outbox()).toHaveLength(20)
    expect(await readChanges((all) => all.length >= 20)).toHaveLength(20)
    expect(await cache.read(1, links[0].code)).toBeUndefined()
    proxy.restore()
    await emptyOutbox()
    for (const { code, version } of links) expect((await cache.read(1, code))?.copy.version).toBe(version)
  })

  it('a frozen Redis costs a create a moment and nothing else', async () => {
    await using proxy = await openTcpProxy(testRedisUrl())
    const shortener = await startActive({ REDIS_URL: proxy.url })
    await marked()
    proxy.freeze()
    // Each waiting for the command timeout of 1 s would take twice as long.
    await within(5_000, async () => {
      for (let n = 0; n < 10; n++) await createOn(shortener)
    })
    proxy.restore()
    await emptyOutbox()
  })

  it('creates go on without Kafka, Redis is told, and another relay with Kafka takes over from there', async () => {
    const cutOff = await startActive({ KAFKA_BROKERS: '127.0.0.1:1' })
    await marked()
    const link = await createOn(cutOff)
    await edit(cutOff, link.code, 'while Kafka is away')
    await eventually(async () => (await outbox()).every((row) => row.redis_done && !row.kafka_done))
    expect(await outbox()).toHaveLength(2)
    const well = await fleet.start()
    expect(well.isActiveRelay).toBe(false)
    await cutOff[Symbol.asyncDispose]()
    await eventually(() => well.isActiveRelay)
    await emptyOutbox()
    const changes = await readChanges((all) => all.length >= 1)
    expect(changes.at(-1)?.link.code).toBe(link.code)
  })
})

describe('of several instances', () => {
  it('one is the relay, and another takes over when it stops', async () => {
    const first = await startActive()
    const second = await fleet.start()
    const third = await fleet.start()
    await createOn(second)
    await emptyOutbox()
    expect([second, third].map((shortener) => shortener.isActiveRelay)).toEqual([false, false])
    await first[Symbol.asyncDispose]()
    await eventually(() => second.isActiveRelay !== third.isActiveRelay)
    await createOn(third)
    await emptyOutbox()
  })

  it('a relay that has not stamped for 1.5 s loses its session to a standby', async () => {
    // As a frozen process leaves it: the lock is held, the stamp grows old.
    using frozen = await pool.session()
    let terminated = false
    frozen.raw.on('error', () => {
      terminated = true
    })
    const shortener = await startActive()
    const { rows } = await pool.query<{ backend_pid: number }>('SELECT backend_pid FROM links.relay')
    const activePid = rows[0]?.backend_pid
    const lock = await pool.query<{ key: string }>({
      text: `SELECT ((classid::bigint << 32) | objid::bigint)::text AS key FROM pg_locks WHERE locktype = 'advisory' AND pid = $1`,
      values: [activePid],
    })
    await shortener[Symbol.asyncDispose]()
    await frozen.query({ text: 'SELECT pg_advisory_lock($1)', values: [lock.rows[0]?.key] })
    await frozen.query(`UPDATE links.relay SET stamped_at = clock_timestamp(), instance = 'frozen',
      (backend_pid, backend_started_at) = (SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())`)
    const startedMs = performance.now()
    const standby = await fleet.start()
    await eventually(() => standby.isActiveRelay)
    expect(performance.now() - startedMs).toBeGreaterThan(1_000)
    expect(terminated).toBe(true)
    await createOn(standby)
    await emptyOutbox()
  })
})
