/**
 * The relay is killed at every step there is, before it and after it. A successor must leave Redis, Kafka and the
 * outbox as if nothing had happened; and while nobody relays, Redis must not call a copy current that is not.
 */
import { type DecodedLinkChange, decodeFeedRecord } from '@linkfleet/contracts/link-changes'
import {
  createRedisLinkCache,
  decodeMark,
  hashTagCount,
  markKey,
  type RedisLinkCache,
} from '@linkfleet/contracts/redis-link-cache'
import { type Kafka, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { openRedis, type RedisConnection } from '@linkfleet/runtime/redis'
import { testDatabase, testKafkaBrokers, testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { openChangeFeedKafka } from './adapters/change-feed-kafka.ts'
import { openLinkWriterPg } from './adapters/link-writer-pg.ts'
import { openOutboxSessionPg } from './adapters/outbox-session-pg.ts'
import { type Relay, type RelayEvents, startRelay } from './adapters/relay.ts'
import { createWatermarks } from './adapters/watermarks.ts'
import type { ChangeFeed, LinkWriter } from './ports.ts'
import { type Moment, Mortal } from './testing/mortal.ts'
import { newLink } from './testing/new-link.ts'
import { stepOfStatement, relaySteps as steps } from './testing/relay-steps.ts'

const log = silentLogger()
/** A relay that nobody killed loses no session: this would be its own fault. */
const sessionsLost: unknown[] = []
const events: RelayEvents = {
  becameActive() {},
  deposedFrozen() {},
  lostSession: (error) => sessionsLost.push(error),
  redisFailed() {},
  relayed() {},
  backlog() {},
}
const soon = () => performance.now() + 10_000

let resources: AsyncDisposableStack
let pool: Pool
let redis: RedisConnection
let kafka: Kafka
let writer: LinkWriter
let topic: string
/** All records of the topic, in the order of each partition. */
const records: DecodedLinkChange[] = []

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  const database = resources.use(await testDatabase())
  const limits = { maxConnections: 8, statementTimeoutMs: 5_000, connectTimeoutMs: 5_000 }
  pool = resources.use(openPool({ url: database.url, name: 'test', log, ...limits }))
  redis = resources.use(openRedis({ url: testRedisUrl(), name: 'test', commandTimeoutMs: 2_000, log }))
  await eventually(() => redis.state() === 'up')
  kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log })
  writer = openLinkWriterPg(pool, { groupCommitted: () => {} })
  topic = uniqueName('link-changes')
  const feed = openFeed()
  await eventually(async () => (await feed.publish([])) !== undefined && feed.state() === 'up')
  const consumer = kafka.consumer({ groupId: uniqueName('test') })
  resources.defer(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const change = decodeFeedRecord(message.value)?.change
      if (change !== undefined) records.push(change)
    },
  })
})
afterAll(async () => await resources.disposeAsync())

function openFeed() {
  return resources.use(openChangeFeedKafka({ kafka, topic, partitions: 3, onFailed: () => {} }))
}

/** What a relay needs, with every step of it going through `mortal`. */
function startMortalRelay(
  mortal: Mortal,
  cache: RedisLinkCache,
  away: { redis: boolean; kafka: boolean },
): Relay {
  // Or it would go on leading, and its failure would be that of all tests after it.
  onTestFailed(() => mortal.kill())
  const sessions: Pool = {
    ...pool,
    async session() {
      const session = await pool.session()
      mortal.holds(() => session.raw.release(true))
      return { ...session, query: (query) => mortal.step(stepOfStatement(query), () => session.query(query)) }
    },
  }
  const mortalCache: RedisLinkCache = {
    ...cache,
    readMark: (tag) => mortal.step('read a mark', () => cache.readMark(tag)),
    renew: (tag, wish) => mortal.step('start a generation', () => cache.renew(tag, wish)),
    advance: (tag, known, to) => mortal.step('move a mark', () => cache.advance(tag, known, to)),
    applyAll: (links, onFailure) =>
      links.length === 0
        ? cache.applyAll(links, onFailure)
        : mortal.step('write to Redis', async () => {
            if (!away.redis) return await cache.applyAll(links, onFailure)
            onFailure(new Error('Redis is away.'))
            return links.map(() => 'failed')
          }),
  }
  const feed = openFeed()
  const mortalFeed: ChangeFeed = {
    publish: (changes) =>
      mortal.step('publish to Kafka', async () => (away.kafka ? [] : await feed.publish(changes))),
  }
  return startRelay({
    instance: 'mortal',
    openSession: () => openOutboxSessionPg(sessions),
    createWatermarks: () => createWatermarks(mortalCache, () => {}),
    feed: mortalFeed,
    events,
  })
}

let linksMade = 0
const createLink = async (): Promise<string> => {
  const code = `killed-${linksMade++}`
  const link = newLink({ alias: code, targetUrl: 'https://example.com/0' })
  const item = { code, link, passwordVerifier: null, idempotency: null }
  // A busy machine leaves the outcome of a change open now and then: it is repeated, and may have been made before.
  await eventually(async () => ['created', 'code-taken'].includes((await writer.insert(item, soon())).kind))
  return code
}
let edits = 0
const edit = async (code: string) => {
  const changes = { targetUrl: `https://example.com/${++edits}` }
  await eventually(
    async () => (await writer.edit({ domainId: 1, code }, changes, null, soon())).kind === 'changed',
  )
}

const waiting = async () =>
  (
    await pool.query<{ redis_done: boolean; kafka_done: boolean }>(
      'SELECT redis_done, kafka_done FROM links.outbox ORDER BY version',
    )
  ).rows
const isDrained = async () => (await waiting()).length === 0

/** Everything a relay can meet: both sinks well, Kafka away and back, Redis away and back. Ends early with the relay. */
async function live(
  mortal: Mortal,
  codes: readonly string[],
  away: { redis: boolean; kafka: boolean },
): Promise<void> {
  const until = async (condition: () => Promise<boolean>) =>
    await eventually(async () => mortal.isDead || (await condition()), { withinMs: 20_000 })
  const change = async () => {
    if (!mortal.isDead) for (const code of codes) await edit(code)
  }
  await change()
  await until(isDrained)
  away.kafka = true
  await change()
  await until(async () => (await waiting()).every((row) => row.redis_done))
  away.kafka = false
  await until(isDrained)
  away.redis = true
  await change()
  await until(async () => (await waiting()).every((row) => row.kafka_done))
  away.redis = false
  await until(isDrained)
  await change()
  await until(async () => mortal.seen.size >= steps.length)
  expect(sessionsLost).toEqual([])
}

const stored = async (codes: readonly string[]) =>
  (
    await pool.query<{ code: string; version: number; target_url: string; updated_ms: number }>({
      text: `SELECT code, version, target_url, floor(extract(epoch FROM updated_at) * 1000)::bigint AS updated_ms
        FROM links.links WHERE code = ANY($1) ORDER BY code`,
      values: [codes],
    })
  ).rows

/** A copy that a change replaced is not said to be current as of that change, or later. */
async function expectNoFalseFreshness(cache: RedisLinkCache, codes: readonly string[]): Promise<void> {
  for (const row of await stored(codes)) {
    const cached = await cache.read(1, row.code)
    if (cached !== undefined && cached.copy.version < row.version)
      expect(cached.asOfMs).toBeLessThanOrEqual(row.updated_ms)
  }
}

async function expectEverythingRight(cache: RedisLinkCache, codes: readonly string[]): Promise<void> {
  for (const row of await stored(codes)) {
    const copy = (await cache.read(1, row.code))?.copy
    expect({ version: copy?.version, targetUrl: copy?.targetUrl }).toEqual({
      version: row.version,
      targetUrl: row.target_url,
    })
    const versionsIn = () =>
      records.filter(({ link }) => link.code === row.code).map(({ link }) => link.version)
    await eventually(() => versionsIn().at(-1) === row.version)
    const versions = versionsIn()
    expect(versions).toEqual(versions.toSorted((one, other) => one - other))
  }
}

async function openScene() {
  const prefix = `${uniqueName('killed')}:`
  const cache = createRedisLinkCache(redis.client, prefix)
  const codes = await Promise.all([createLink(), createLink(), createLink()])
  const markOf = async (hashTag: number) => decodeMark(await redis.client.get(markKey(prefix, hashTag)))
  return { cache, codes, markOf, away: { redis: false, kafka: false } }
}

describe('a relay', () => {
  it('does nothing but the steps that are listed here', async () => {
    const { cache, codes, away } = await openScene()
    const mortal = new Mortal()
    startMortalRelay(mortal, cache, away)
    await live(mortal, codes, away)
    mortal.kill()
    expect([...mortal.seen].toSorted()).toEqual([...steps].toSorted())
    await expectNoFalseFreshness(cache, codes)
  })

  const deaths = steps.flatMap((step) =>
    (['before', 'after'] as Moment[]).map((moment) => ({ step, moment })),
  )
  it.each(deaths)(
    'killed $moment "$step" leaves nothing that its successor does not set right',
    async (death) => {
      const { cache, codes, markOf, away } = await openScene()
      const mortal = new Mortal(death)
      startMortalRelay(mortal, cache, away)
      await live(mortal, codes, away)
      await mortal.died
      await expectNoFalseFreshness(cache, codes)
      // Nobody relays, and life goes on; but not for the first: a newer change would stand for the one that was under way.
      for (const code of codes.slice(1)) await edit(code)
      await expectNoFalseFreshness(cache, codes)
      const successor = new Mortal()
      const relay = startMortalRelay(successor, cache, { redis: false, kafka: false })
      await eventually(isDrained)
      await expectEverythingRight(cache, codes)
      const takenOverMs = Date.now()
      await eventually(async () => ((await markOf(hashTagCount - 1))?.watermarkMs ?? 0) > takenOverMs - 1_000)
      await relay[Symbol.asyncDispose]()
    },
  )
})
