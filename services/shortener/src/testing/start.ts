/** Starts a real shortener on real engines for a test: only the code generator is in memory. */
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@linkfleet/runtime/config'
import { silentLogger } from '@linkfleet/runtime/log'
import {
  type TestDatabase,
  testDatabase,
  testKafkaBrokers,
  testRedisUrl,
  uniqueName,
} from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { testContext } from '@linkfleet/testkit/service-context'
import { openCodePool } from '../adapters/code-pool-grpc.ts'
import { shortenerConfig } from '../config.ts'
import { type Shortener, type ShortenerOverrides, startShortener } from '../service.ts'

export const adminKey = 'an-admin-key-for-tests-only'

export interface TestFleet extends AsyncDisposable {
  readonly database: TestDatabase
  readonly redisKeyPrefix: string
  readonly topic: string
  start(env?: Record<string, string>, overrides?: ShortenerOverrides): Promise<Shortener>
}

/** Seven random-looking characters that no other call gave. */
let codesMade = 0
export function nextCode(): string {
  return `Z${(codesMade++ * 7_919 + 1_000_000).toString(36).padStart(6, '0').slice(-6)}`
}

export function codesInMemory(make: () => string = nextCode) {
  const pool = openCodePool({
    codesMax: 100,
    onRefillFailed: () => {},
    allocate: async (count) => Array.from({ length: count }, make),
  })
  return Object.assign(pool, { [Symbol.asyncDispose]: async () => pool.stop() })
}

/** A database, key prefix and topic that several instances share. Disposing stops the instances first. */
export async function openTestFleet(): Promise<TestFleet> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await testDatabase())
  const redisKeyPrefix = `${uniqueName('shortener')}:`
  const topic = uniqueName('link-changes')
  const adminKeyFile = join(tmpdir(), uniqueName('admin-key'))
  await writeFile(adminKeyFile, `${adminKey}\n`)
  resources.defer(async () => await rm(adminKeyFile, { force: true }))
  const kept = resources.move()
  return {
    database,
    redisKeyPrefix,
    topic,
    async start(env = {}, overrides = {}) {
      const config = readConfig(shortenerConfig, {
        INSTANCE: uniqueName('shortener'),
        ADMIN_PORT: '0',
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        DATABASE_URL: database.url,
        REDIS_URL: testRedisUrl(),
        REDIS_KEY_PREFIX: redisKeyPrefix,
        KAFKA_BROKERS: testKafkaBrokers().join(','),
        LINK_CHANGES_TOPIC: topic,
        LINK_CHANGES_PARTITIONS: '3',
        ID_GENERATOR_ADDRESSES: '127.0.0.1:1',
        PUBLIC_URL: 'https://go.example.com',
        CONSOLE_URL: 'https://console.example.com:8443',
        ADMIN_KEY_FILE: adminKeyFile,
        ...env,
      })
      const context = { ...testContext('shortener'), log: silentLogger() }
      const started = kept.use(
        await startShortener(config, context, { codes: codesInMemory(), ...overrides }),
      )
      await untilKeyIsKnown(started)
      return started
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The key is told to the database beside the start; where that is away, not before it is back. */
async function untilKeyIsKnown(shortener: Shortener): Promise<void> {
  await eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links?limit=1')).status !== 401)
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: an answer may be any JSON, and a test says what it expects.
  readonly body: any
}

/** Calls the API with the admin key, unless `headers` say otherwise. */
export async function callApi(
  { url }: { readonly url: string },
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    signal: AbortSignal.timeout(30_000),
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = (response.headers.get('content-type') ?? '').includes('json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

/** As a client does that is told to come back: a burst may be more than a busy machine answers in time. */
export async function untilAnswered(ask: () => Promise<Answer>): Promise<Answer> {
  let answer = await ask()
  while (answer.status === 503) answer = await ask()
  return answer
}
