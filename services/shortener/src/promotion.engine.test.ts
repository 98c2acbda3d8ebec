// A primary that is lost, and a replica that takes its place: what callers are answered meanwhile, and what is kept.

import { setTimeout as delay } from 'node:timers/promises'
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool } from '@linkfleet/runtime/postgres'
import { runOnce } from '@linkfleet/testkit/database'
import { eventually } from '@linkfleet/testkit/eventually'
import { type OwnPostgres, startOwnPostgres } from '@linkfleet/testkit/own-postgres'
import { expect, test } from 'vitest'
import type { Shortener } from './service.ts'
import { type Answer, callApi, openTestFleet } from './testing/start.ts'

/** An answer is due within 1 s; the rest is what a busy machine may add. */
const answerWithinMs = 1_500
const foundWithinMs = 10_000

async function aliasesOn(url: string): Promise<Set<string>> {
  const bounds = { maxConnections: 1, statementTimeoutMs: 5_000, connectTimeoutMs: 5_000 }
  await using pool = openPool({ url, name: 'test', ...bounds, log: silentLogger() })
  const { rows } = await pool.query<{ code: string }>('SELECT code FROM links.links')
  return new Set(rows.map(({ code }) => code))
}

interface Attempt {
  readonly alias: string
  readonly tookMs: number
  readonly answer: Answer
}

/** A create each 50 ms, one after the other, each with an alias and a key of its own. */
function createSteadily(shortener: Shortener) {
  const attempts: Attempt[] = []
  let stopped = false
  async function work(): Promise<void> {
    for (let number = 0; !stopped; number++) {
      const alias = `steady-${number}`
      const startedMs = performance.now()
      const answer = await create(shortener, alias)
      attempts.push({ alias, tookMs: performance.now() - startedMs, answer })
      await delay(50)
    }
  }
  const working = work()
  return {
    attempts,
    count: (status: number) => attempts.filter(({ answer }) => answer.status === status).length,
    async stop(): Promise<void> {
      stopped = true
      await working
    },
  }
}

const create = (shortener: Shortener, alias: string) =>
  callApi(
    shortener,
    'POST',
    '/api/v1/links',
    { url: 'https://example.com/', alias },
    { 'idempotency-key': `key-of-${alias}` },
  )

async function startOn(postgres: OwnPostgres) {
  await using resources = new AsyncDisposableStack()
  const fleet = resources.use(await openTestFleet())
  const shortener = await fleet.start({ DATABASE_URL: postgres.url })
  await eventually(async () => (await create(shortener, 'first')).status === 201)
  const started = resources.move()
  return { shortener, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

test('without a primary creates are refused within a second, and 10 s after a promotion they go on', async () => {
  await using postgres = await startOwnPostgres()
  await using world = await startOn(postgres)
  const load = createSteadily(world.shortener)
  await eventually(() => load.count(201) > 5)
  await postgres.killPrimary()
  await eventually(() => load.count(503) > 10, { withinMs: 20_000 })
  const createdBefore = load.count(201)
  const promotedAtMs = performance.now()
  await postgres.promote(1)
  await eventually(() => load.count(201) > createdBefore, { withinMs: foundWithinMs })
  expect(performance.now() - promotedAtMs).toBeLessThan(foundWithinMs)
  await load.stop()

  expect(Math.max(...load.attempts.map(({ tookMs }) => tookMs))).toBeLessThan(answerWithinMs)
  const kept = await aliasesOn(postgres.memberUrls[1] ?? '')
  for (const { alias, answer } of load.attempts) {
    if (answer.status === 201) {
      // The replica followed closely, so nothing that was acknowledged is lost here.
      expect(kept).toContain(alias)
      continue
    }
    expect(answer.status).toBe(503)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(['not-created', 'outcome-unknown']).toContain(answer.body.code)
    if (answer.body.code === 'not-created') expect(kept).not.toContain(alias)
    // Either way the key settles it: one link, for whoever asks again.
    expect(await create(world.shortener, alias)).toMatchObject({ status: 201, body: { code: alias } })
  }
}, 120_000)

test('of two writable servers the one with the higher timeline is used, also when the other one never failed', async () => {
  await using postgres = await startOwnPostgres()
  await using world = await startOn(postgres)
  const [superseded = '', promoted = ''] = postgres.memberUrls
  await runOnce(promoted, 'SELECT pg_promote()')
  const promotedAtMs = performance.now()
  let number = 0
  await eventually(
    async () => {
      number += 1
      expect((await create(world.shortener, `either-${number}`)).status).toBe(201)
      expect(await aliasesOn(promoted)).toContain(`either-${number}`)
    },
    { withinMs: foundWithinMs, everyMs: 200 },
  )
  expect(performance.now() - promotedAtMs).toBeLessThan(foundWithinMs)
  for (let after = 0; after < 20; after++) {
    expect((await create(world.shortener, `after-${after}`)).status).toBe(201)
  }
  const [onPromoted, onSuperseded] = [await aliasesOn(promoted), await aliasesOn(superseded)]
  for (let after = 0; after < 20; after++) {
    expect(onPromoted).toContain(`after-${after}`)
    expect(onSuperseded).not.toContain(`after-${after}`)
  }
}, 120_000)
