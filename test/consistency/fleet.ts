/**
 * A shortener and two redirects on real engines, with proxies in between that cut or freeze, and a Postgres of its own
 * whose replicas can be paused.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@linkfleet/runtime/config'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis, type RedisConnection } from '@linkfleet/runtime/redis'
import { runOnce } from '@linkfleet/testkit/database'

import { testKafkaBrokers, testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import type { OwnPostgres } from '@linkfleet/testkit/own-postgres'
import { testContext } from '@linkfleet/testkit/service-context'
import pg from 'pg'
import { redirectConfig } from '../../services/redirect/src/config.ts'
import { startRedirect } from '../../services/redirect/src/service.ts'
import type { Shortener } from '../../services/shortener/src/service.ts'
import {
  callApi,
  openTestFleet,
  type TestFleet,
  untilAnswered,
} from '../../services/shortener/src/testing/start.ts'
import { openTcpProxy, type TcpProxy } from '../../services/shortener/src/testing/tcp-proxy.ts'

/** The key of the lock that makes a relay the active one; see the shortener's outbox session. */
const relayLock = 30_518_773_915
const nobody = '127.0.0.1:1'

export interface RunningRedirect {
  readonly url: string
  /** The sum over all label sets of a counter or gauge. */
  metric(name: string): Promise<number>
  /** How many of its replicas answer. */
  replicasUp(): number
}

export interface Proxies {
  readonly redis: TcpProxy
  readonly replicas: readonly TcpProxy[]
  readonly shortener: TcpProxy
}

export interface ReadPath extends AsyncDisposable {
  readonly shortener: Shortener
  readonly redirects: readonly RunningRedirect[]
  /** Between the redirects and what they read. The shortener reaches Redis through the same one. */
  readonly proxies: Proxies
  emptyRedis(): Promise<void>
  pauseReplicas(): Promise<void>
  /** Ends the session of the relay and keeps every other from leading until the disposal of what this gives. */
  killRelay(): Promise<AsyncDisposable>
}

export interface ReadPathOptions {
  readonly withKafka: boolean
  /** Those that all tests share, unless given. */
  readonly kafkaBrokers?: readonly string[]
  /** What the redirects are told besides. */
  readonly redirectEnv?: Readonly<Record<string, string>>
}

export async function startReadPath(postgres: OwnPostgres, options: ReadPathOptions): Promise<ReadPath> {
  await using resources = new AsyncDisposableStack()
  const fleet = resources.use(await openTestFleet())
  const redisProxy = resources.use(await openTcpProxy(testRedisUrl()))
  const replicas: TcpProxy[] = []
  for (const url of postgres.memberUrls.slice(1)) replicas.push(resources.use(await openTcpProxy(url)))
  const kafkaBrokers = options.withKafka ? (options.kafkaBrokers ?? testKafkaBrokers()).join(',') : nobody
  const primaryUrl = postgres.memberUrls[0] ?? ''
  await runOnce(primaryUrl, 'TRUNCATE links.links, links.outbox')
  const shortener = await fleet.start({
    DATABASE_URL: primaryUrl,
    REDIS_URL: redisProxy.url,
    KAFKA_BROKERS: kafkaBrokers,
  })
  const grpc = resources.use(await openTcpProxy(`tcp://${shortener.address}`))
  const proxies = { redis: redisProxy, replicas, shortener: grpc }
  const redirects: RunningRedirect[] = []
  for (let instance = 0; instance < 2; instance += 1) {
    redirects.push(
      await openRedirect(fleet, proxies, { KAFKA_BROKERS: kafkaBrokers, ...options.redirectEnv }, resources),
    )
  }
  const redis = resources.use(
    openRedis({ url: testRedisUrl(), name: 'test', commandTimeoutMs: 2_000, log: silentLogger() }),
  )
  resources.defer(() => replicasReplay(postgres, true))
  await replicasReplay(postgres, true)
  await untilWell(shortener, redirects, redis, options)
  const running = resources.move()
  return {
    shortener,
    redirects,
    proxies,
    emptyRedis: () => deleteKeys(redis, fleet.redisKeyPrefix),
    pauseReplicas: () => replicasReplay(postgres, false),
    killRelay: () => takeRelayLock(primaryUrl),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function openRedirect(
  fleet: TestFleet,
  proxies: Proxies,
  env: Readonly<Record<string, string>>,
  resources: AsyncDisposableStack,
): Promise<RunningRedirect> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-spool-'))
  resources.defer(async () => await rm(spoolDir, { recursive: true, force: true }))
  const config = readConfig(redirectConfig, {
    INSTANCE: uniqueName('redirect'),
    ADMIN_PORT: '0',
    HTTP_PORT: '0',
    REDIS_URL: proxies.redis.url,
    REDIS_KEY_PREFIX: fleet.redisKeyPrefix,
    DATABASE_REPLICA_URLS: proxies.replicas.map(({ url }) => url).join(','),
    SHORTENER_ADDRESSES: new URL(proxies.shortener.url).host,
    CLICKS_TOPIC: uniqueName('clicks'),
    CLICKS_PARTITIONS: '2',
    LINK_CHANGES_TOPIC: fleet.topic,
    LINK_CHANGES_PARTITIONS: '3',
    SPOOL_DIR: spoolDir,
    DRAIN_TIMEOUT_MS: '2000',
    LOG_LEVEL: 'fatal',
    ...env,
  })
  const context = testContext('redirect')
  const redirect = resources.use(await startRedirect(config, context))
  return {
    url: redirect.url,
    replicasUp() {
      const { dependencies } = context.health.report()
      return Object.entries(dependencies).filter(
        ([name, state]) => name.startsWith('replica') && state === 'up',
      ).length
    },
    async metric(name) {
      const page = await context.metrics.registry.metrics()
      const values = page
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
  }
}

/** Every source answers: the watermark moves, replicas follow, and the feed is read where there is one. */
async function untilWell(
  shortener: Shortener,
  redirects: readonly RunningRedirect[],
  redis: RedisConnection,
  { withKafka }: ReadPathOptions,
): Promise<void> {
  await eventually(() => shortener.isActiveRelay && redis.state() === 'up', { withinMs: 20_000 })
  const code = await createLink(shortener, 'https://example.com/well')
  await untilEachAnswers(redirects, code, 'https://example.com/well', 20_000)
  for (const redirect of redirects) {
    await eventually(async () => (await redirect.metric('redirect_replica_lag_seconds')) < 4)
    if (!withKafka) continue
    // The feed begins with what comes next: changes are made until one is heard.
    await eventually(
      async () => {
        await edit(shortener, code, `https://example.com/${uniqueName('heard')}`)
        return (await redirect.metric('redirect_link_changes_total')) > 0
      },
      { withinMs: 30_000, everyMs: 250 },
    )
  }
}

async function replicasReplay(postgres: OwnPostgres, replays: boolean): Promise<void> {
  for (const url of postgres.memberUrls.slice(1)) {
    await runOnce(url, `SELECT pg_wal_replay_${replays ? 'resume' : 'pause'}()`)
  }
}

async function deleteKeys({ client }: RedisConnection, prefix: string): Promise<void> {
  let cursor = '0'
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000)
    if (keys.length > 0) await client.del(...keys)
    cursor = next
  } while (cursor !== '0')
}

async function takeRelayLock(primaryUrl: string): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: primaryUrl, connectionTimeoutMillis: 5_000 })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const ours = rows[0]?.pid ?? 0
  let isLocked = false
  const locked = client.query('SELECT pg_advisory_lock($1)', [relayLock]).then(() => {
    isLocked = true
  })
  await eventually(
    async () => {
      await runOnce(
        primaryUrl,
        `SELECT pg_terminate_backend(pid) FROM pg_locks
          WHERE locktype = 'advisory' AND granted AND pid <> ${ours}
            AND classid = ${Math.floor(relayLock / 2 ** 32)} AND objid = ${relayLock % 2 ** 32}`,
      )
      return isLocked
    },
    { everyMs: 50 },
  )
  await locked
  return {
    async [Symbol.asyncDispose]() {
      await client.end()
    },
  }
}

export async function createLink(shortener: Shortener, url: string, alias?: string): Promise<string> {
  const body = { url, ...(alias === undefined ? {} : { alias }) }
  const answer = await untilAnswered(() => callApi(shortener, 'POST', '/api/v1/links', body))
  if (answer.status !== 201) throw new Error(`The create was answered ${answer.status}.`)
  return answer.body.code
}

export async function edit(shortener: Shortener, code: string, url: string): Promise<void> {
  const patch = () => callApi(shortener, 'PATCH', `/api/v1/links/${code}`, { url })
  const { status } = await untilAnswered(patch)
  if (status !== 200) throw new Error(`The edit was answered ${status}.`)
}

export async function remove(shortener: Shortener, code: string): Promise<void> {
  const { status } = await callApi(shortener, 'DELETE', `/api/v1/links/${code}`)
  if (status !== 204) throw new Error(`The delete was answered ${status}.`)
}

/** The target, or the status of an answer that has none. */
export async function follow({ url }: RunningRedirect, code: string): Promise<string> {
  const answer = await fetch(`${url}/${code}`, { redirect: 'manual', signal: AbortSignal.timeout(5_000) })
  return answer.headers.get('location') ?? String(answer.status)
}

/** Asks each of them again and again until it answers so; gives how long that took. */
export async function untilEachAnswers(
  redirects: readonly RunningRedirect[],
  code: string,
  wanted: string,
  withinMs: number,
): Promise<number> {
  const startedMs = performance.now()
  const ask = async (redirect: RunningRedirect) => {
    await eventually(
      async () => {
        const answered = await follow(redirect, code)
        if (answered !== wanted) throw new Error(`answered ${answered}, not ${wanted}`)
      },
      { withinMs, everyMs: 25 },
    )
  }
  await Promise.all(redirects.map(ask))
  return performance.now() - startedMs
}
