/**
 * What a source that is frozen, refuses or is slow costs those who follow links: at most one deadline for each window of
 * its breaker, and nothing where another is as good.
 */
import { eventually } from '@linkfleet/testkit/eventually'
import { type OwnPostgres, startOwnPostgres } from '@linkfleet/testkit/own-postgres'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createLink, follow, type ReadPath, type RunningRedirect, startReadPath } from './fleet.ts'

/** Longer than a redirect has them, so that what a busy machine adds to each answer is little beside them. */
const redisDeadlineMs = 400
const replicaDeadlineMs = 600
const breakerWindowMs = 1_000
const codesPerTest = 120

let postgres: OwnPostgres
let path: ReadPath
let redirect: RunningRedirect
let links = 0

beforeAll(async () => {
  postgres = await startOwnPostgres()
  path = await startReadPath(postgres, {
    withKafka: true,
    redirectEnv: {
      REDIS_TIMEOUT_MS: String(redisDeadlineMs),
      REPLICA_TIMEOUT_MS: String(replicaDeadlineMs),
      BREAKER_WINDOW_MS: String(breakerWindowMs),
    },
  })
  redirect = path.redirects[0] as RunningRedirect
})
afterAll(async () => {
  await path?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const proxy of [path.proxies.redis, ...path.proxies.replicas]) proxy.restore()
  await eventually(
    async () => {
      // A breaker closes when a request has tried its source again.
      await follow(redirect, await createLink(path.shortener, 'https://example.com/try'))
      const isClosed = (await redirect.metric('redirect_breaker_open')) === 0
      return (
        isClosed && redirect.replicasUp() === 2 && (await redirect.metric('redirect_replica_lag_seconds')) < 4
      )
    },
    { withinMs: 20_000, everyMs: 250 },
  )
})

/** Links that no memory has, in Redis and on the replicas. */
async function newCodes(): Promise<string[]> {
  const codes: string[] = []
  for (let index = 0; index < codesPerTest; index += 1) {
    links += 1
    codes.push(await createLink(path.shortener, `https://example.com/source/${links}`))
  }
  return codes
}

/** Follows each once, one after the other, and gives how long each took. */
async function followAll(codes: readonly string[]): Promise<{ tookMs: number[]; allMs: number }> {
  const startedMs = performance.now()
  const tookMs: number[] = []
  for (const code of codes) {
    const sentMs = performance.now()
    expect(await follow(redirect, code)).toMatch(/^https:/)
    tookMs.push(performance.now() - sentMs)
  }
  return { tookMs, allMs: performance.now() - startedMs }
}

const slowOnes = ({ tookMs }: { tookMs: number[] }, deadlineMs: number) =>
  tookMs.filter((ms) => ms >= deadlineMs).length

/** A window begins with each try. */
const windowsOf = (allMs: number) => Math.ceil(allMs / breakerWindowMs) + 1
/** Requests that a busy machine makes slow by itself: far fewer than one for each request. */
const busyMax = codesPerTest / 10

const failuresOf = (source: string) => redirect.metric(`redirect_source_failures_total{source="${source}"}`)

test('a frozen Redis costs one deadline for each window of its breaker, not one for each request', async () => {
  const codes = await newCodes()
  path.proxies.redis.freeze()
  const failuresBefore = await failuresOf('redis')
  const followed = await followAll(codes)
  expect(await redirect.metric('redirect_breaker_open')).toBe(1)
  expect(slowOnes(followed, redisDeadlineMs)).toBeGreaterThan(0)
  expect(slowOnes(followed, redisDeadlineMs)).toBeLessThanOrEqual(windowsOf(followed.allMs) + busyMax)
  expect((await failuresOf('redis')) - failuresBefore).toBeLessThanOrEqual(windowsOf(followed.allMs))
})

test('a Redis that refuses costs no deadline at all', async () => {
  const codes = await newCodes()
  path.proxies.redis.cut()
  expect(slowOnes(await followAll(codes), redisDeadlineMs)).toBeLessThanOrEqual(busyMax)
})

test('a frozen replica costs one deadline, and the other one is read', async () => {
  const codes = await newCodes()
  path.proxies.redis.cut()
  // Whichever is the faster one now is frozen in its turn.
  for (const replica of path.proxies.replicas) {
    const failuresBefore = await failuresOf('replica')
    const askedBefore = await redirect.metric('redirect_lookups_total{outcome="primary"}')
    replica.freeze()
    await followAll(codes.splice(0, codesPerTest / 3))
    expect((await failuresOf('replica')) - failuresBefore).toBeLessThanOrEqual(1 + busyMax)
    const asked = await redirect.metric('redirect_lookups_total{outcome="primary"}')
    expect(asked - askedBefore).toBeLessThanOrEqual(busyMax)
    replica.restore()
    await eventually(() => redirect.replicasUp() === 2, { withinMs: 20_000 })
  }
})

test('with all replicas frozen the primary is asked, and with both refusing too', async () => {
  const codes = await newCodes()
  path.proxies.redis.cut()
  const failuresBefore = await failuresOf('replica')
  for (const replica of path.proxies.replicas) replica.freeze()
  const frozen = await followAll(codes.splice(0, codesPerTest / 2))
  expect(slowOnes(frozen, replicaDeadlineMs)).toBeLessThanOrEqual(path.proxies.replicas.length + busyMax)
  const failures = (await failuresOf('replica')) - failuresBefore
  expect(failures).toBeLessThanOrEqual(path.proxies.replicas.length + busyMax)
  for (const replica of path.proxies.replicas) replica.cut()
  expect(slowOnes(await followAll(codes), replicaDeadlineMs)).toBeLessThanOrEqual(busyMax)
})

test('of two replicas that follow closely the faster one is read, and the choice follows their speed', async () => {
  const delayMs = 200
  path.proxies.redis.cut()
  const [first, second] = path.proxies.replicas as [
    ReadPath['proxies']['redis'],
    ReadPath['proxies']['redis'],
  ]
  for (const [slow, fast] of [
    [first, second],
    [second, first],
  ] as const) {
    slow.slowDown(delayMs)
    fast.slowDown(0)
    // Averages move with each probe, one a second.
    await eventually(
      async () => {
        const followed = await followAll([await createLink(path.shortener, 'https://example.com/faster')])
        expect(slowOnes(followed, delayMs)).toBe(0)
      },
      { withinMs: 30_000, everyMs: 250 },
    )
    const followed = await followAll((await newCodes()).slice(0, codesPerTest / 3))
    expect(slowOnes(followed, delayMs)).toBeLessThanOrEqual(busyMax)
  }
})

test('a thousand who ask for hundreds of links at once, none of them in memory, are all answered', async () => {
  const codes = await newCodes()
  await path.emptyRedis()
  const asked = Array.from({ length: 1_000 }, (_none, index) => codes[index % codes.length] as string)
  const answers = await Promise.all(asked.map((code) => follow(redirect, code)))
  expect(answers.filter((answer) => !answer.startsWith('https:'))).toEqual([])
})
