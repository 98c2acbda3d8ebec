/**
 * Redis and Kafka die together under load and come back: creates and edits never fail meanwhile, and then every change is
 * in both, in order. LINKFLEET_OUTAGE_SECONDS says how long they are away (6 unless told).
 */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DecodedLinkChange, decodeFeedRecord } from '@linkfleet/contracts/link-changes'
import { createRedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { startEngines } from '@linkfleet/local/engines'
import { freePortBlock } from '@linkfleet/local/ports'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis } from '@linkfleet/runtime/redis'
import { makeTemplate, withDatabase } from '@linkfleet/testkit/database'
import { eventually } from '@linkfleet/testkit/eventually'
import { call } from '@linkfleet/testkit/fleet-client'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMember, type Member } from './member.ts'

const log = silentLogger()
const outageMs = Number(process.env.LINKFLEET_OUTAGE_SECONDS ?? '6') * 1_000
const topic = 'link-changes'
const adminKey = 'an-admin-key-for-tests-only'
/** The client waits between its attempts to find a broker that was away for long. */
const drainedWithinMs = 120_000

let resources: AsyncDisposableStack
let client: pg.Client
let shortener: Member
let urls: { readonly redis: string; readonly kafka: readonly string[] }
let killSinks: () => Promise<void>
let startSinks: () => Promise<void>

beforeAll(async () => {
  resources = new AsyncDisposableStack()
  const home = await temporaryHome('sinks-away')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))

  const engines = resources.use(
    await startEngines({ home, ports: 'free', which: ['postgres', 'redis', 'kafka'], replicas: 0, env: {} }),
  )
  let sinks = engines.processes.filter(({ name }) => !name.startsWith('pg'))
  expect(sinks).toHaveLength(2)
  resources.defer(async () => {
    await Promise.all(sinks.map(({ process }) => process.stop()))
  })
  killSinks = async () => {
    for (const { pid } of sinks) process.kill(pid, 'SIGKILL')
    await Promise.all(sinks.map((sink) => sink.process.exited))
  }
  startSinks = async () => {
    sinks = await Promise.all(sinks.map((sink) => sink.startAgain()))
  }
  urls = { redis: engines.redisUrl, kafka: engines.kafkaBrokers }
  const databaseUrl = withDatabase(engines.databaseUrl, await makeTemplate(engines.databaseUrl))
  client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  resources.defer(() => client.end())
  const adminKeyFile = join(home, 'admin-key')
  await writeFile(adminKeyFile, adminKey)
  shortener = createMember({
    name: 'shortener-1',
    program: 'shortener',
    firstPort: await freePortBlock(3),
    env: {
      DATABASE_URL: databaseUrl,
      REDIS_URL: urls.redis,
      KAFKA_BROKERS: urls.kafka.join(','),
      LINK_CHANGES_TOPIC: topic,
      LINK_CHANGES_PARTITIONS: '3',
      // Nobody is there: an alias needs no generated code.
      ID_GENERATOR_ADDRESSES: '127.0.0.1:9',
      ADMIN_KEY_FILE: adminKeyFile,
      PUBLIC_URL: 'http://go.example.com',
      LOG_LEVEL: 'fatal',
    },
  })
  resources.defer(() => shortener.kill('SIGKILL'))
  await shortener.start()
  // The key is told to the database beside the start.
  await eventually(async () => (await request('GET', '?limit=1')).status === 200, { withinMs: 30_000 })
})
afterAll(async () => await resources?.disposeAsync())

const request = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  call(method, `${shortener.url}/api/v1/links${path}`, body, {
    authorization: `Bearer ${adminKey}`,
    ...headers,
  })

/** A disk that stands still for a second makes an outcome unknown; who is told so asks again, this often at most. */
const attemptsMax = 3

async function expectDone(status: number, ask: () => Promise<Response>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask()
    const body = (await answer.json()) as { readonly code?: string }
    if (body.code === 'outcome-unknown' && attempt < attemptsMax) continue
    expect({ status: answer.status, code: body.code }).toMatchObject({ status })
    return
  }
}

let linksMade = 0
/** Makes a link, and edits an earlier one. Both must be acknowledged. */
async function change(): Promise<void> {
  const number = linksMade++
  const url = 'https://example.com/'
  const alias = `away-${number}`
  const headers = { 'idempotency-key': alias }
  await expectDone(201, async () => await request('POST', '', { url, alias }, headers))
  // Every third link stays as it was made: its order among the others is told by nothing later.
  if (number % 3 === 0) return
  await expectDone(200, async () => await request('PATCH', `/${alias}`, { url: `${url}${number}` }))
}
async function changeFor(durationMs: number): Promise<void> {
  const untilMs = performance.now() + durationMs
  const person = async () => {
    while (performance.now() < untilMs) await change()
  }
  await Promise.all(Array.from({ length: 4 }, person))
}

const waiting = async (): Promise<number> =>
  (await client.query<{ rows: number }>('SELECT count(*)::int AS rows FROM links.outbox')).rows[0]?.rows ?? -1
const isDrained = async () => (await waiting()) === 0

interface Stored {
  readonly code: string
  readonly version: number
  readonly isEdited: boolean
}
const numberOf = (code: string) => Number(code.slice('away-'.length))
const stored = async (): Promise<Stored[]> =>
  (
    await client.query<Stored>(
      `SELECT code, version::float8, version <> created_version AS "isEdited" FROM links.links ORDER BY version`,
    )
  ).rows

/** The records of each partition, in order, once there are all that are wanted. */
async function readTopic(wanted: ReadonlyMap<string, number>): Promise<DecodedLinkChange[][]> {
  const kafka = openKafka({ brokers: urls.kafka, clientId: 'test', log })
  const consumer = kafka.consumer({ groupId: 'test' })
  const partitions: DecodedLinkChange[][] = [[], [], []]
  const missing = new Map(wanted)
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        const decoded = decodeFeedRecord(message.value)?.change
        if (decoded === undefined) return
        partitions[partition]?.push(decoded)
        if (missing.get(decoded.link.code) === decoded.link.version) missing.delete(decoded.link.code)
      },
    })
    await eventually(() => missing.size === 0, { withinMs: drainedWithinMs })
    return partitions
  } finally {
    await consumer.disconnect()
  }
}

test('while Redis and Kafka are away nothing fails, and then both get everything, in order', async () => {
  await changeFor(1_000)
  await eventually(isDrained, { withinMs: drainedWithinMs })
  const before = linksMade
  await killSinks()
  await changeFor(outageMs)
  const after = linksMade
  expect(after).toBeGreaterThan(before)
  // Nothing of it is lost, and nothing was settled.
  expect(await waiting()).toBeGreaterThanOrEqual(after - before)
  await startSinks()
  await changeFor(1_000)
  await eventually(isDrained, { withinMs: drainedWithinMs, everyMs: 100 })

  const links = await stored()
  expect(links).toHaveLength(linksMade)
  const partitions = await readTopic(new Map(links.map(({ code, version }) => [code, version])))
  // What was committed before the drain began is drained in the order of versions. Later on a transaction may draw its
  // version before another and commit after it; of one link the order holds always.
  const madeOnce = new Set(
    links
      .filter(({ code, isEdited }) => !isEdited && numberOf(code) >= before && numberOf(code) < after)
      .map(({ code }) => code),
  )
  for (const records of partitions) {
    const versions = new Map<string, number>()
    const firsts: number[] = []
    for (const { link } of records) {
      const last = versions.get(link.code)
      if (last === undefined && madeOnce.has(link.code)) firsts.push(link.version)
      // A record may come twice, but no link goes back to an older version once its newest was told.
      versions.set(link.code, Math.max(last ?? 0, link.version))
    }
    expect(firsts).toEqual(firsts.toSorted((one, other) => one - other))
    for (const [code, version] of versions)
      expect(records.findLast(({ link }) => link.code === code)?.link.version).toBe(version)
  }
  await using redis = openRedis({ url: urls.redis, name: 'test', commandTimeoutMs: 2_000, log })
  await eventually(() => redis.state() === 'up')
  const cache = createRedisLinkCache(redis.client, 'lf:')
  const changedSince = links.filter(({ code }) => numberOf(code) >= before)
  for (const { code, version } of changedSince)
    expect({ code, version: (await cache.read(1, code))?.copy.version }).toEqual({ code, version })
}, 300_000)
