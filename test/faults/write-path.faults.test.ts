/**
 * What the write path promises while its processes are killed and frozen: no code twice, every acknowledged link there,
 * one link for each Idempotency-Key. LINKFLEET_KILLS says how many processes are killed (6 unless told).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { eventually } from '@linkfleet/testkit/eventually'
import { call } from '@linkfleet/testkit/fleet-client'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCreateLoad } from './create-load.ts'
import type { Member } from './member.ts'
import { startWritePathFleet, type WritePathFleet } from './write-path-fleet.ts'

const random = seededRandom()

const kills = Number(process.env.LINKFLEET_KILLS ?? '6')
const people = 24
let fleet: WritePathFleet

beforeAll(async () => {
  fleet = await startWritePathFleet()
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: fleet.databaseUrl })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

const create = (shortener: Member, fields: object = {}) =>
  call('POST', `${shortener.url}/api/v1/links`, { url: 'https://example.com/', ...fields })

/** Takes codes from the generators all the while, beside the shorteners: they too must never see one again. */
function drawCodes() {
  const addresses = fleet.generators.map(({ address }) => address)
  const client = openGrpcClient(IdGeneratorClient, { addresses, deadlineMs: 1_000 })
  const codes: string[] = []
  let stopped = false
  async function draw(): Promise<void> {
    while (!stopped) {
      const drawn = await client.call((stub) => stub.allocateCodes, { count: 100 }).catch(() => undefined)
      codes.push(...(drawn?.codes ?? []))
      await delay(20)
    }
  }
  const drawing = draw()
  return {
    async stop(): Promise<string[]> {
      stopped = true
      await drawing
      client[Symbol.dispose]()
      return codes
    },
  }
}

/** Follows all links, some at a time, and gives those that lead elsewhere. */
async function wrongTargets(links: readonly (readonly [url: string, code: string])[]): Promise<string[]> {
  const wrong: string[] = []
  const left = links.values()
  async function follower(): Promise<void> {
    for (const [url, code] of left) {
      const answer = await call('GET', `${fleet.redirect.url}/${code}`)
      await answer.arrayBuffer()
      if (answer.status !== 302 || answer.headers.get('location') !== url)
        wrong.push(`${code}: ${answer.status}`)
    }
  }
  await Promise.all(Array.from({ length: 32 }, follower))
  return wrong
}

test(
  `${kills} × kill -9 under load: no code twice, every acknowledged link there, one link for each key`,
  async () => {
    const victims = [...fleet.generators, ...fleet.shorteners]
    const load = startCreateLoad({ shortenerUrls: fleet.shorteners.map(({ url }) => url), people })
    const drawing = drawCodes()
    let skipped = 0
    const order: string[] = []
    for (let kill = 0; kill < kills; kill++) {
      const before = load.acknowledged.size
      await eventually(
        () => {
          if (load.acknowledged.size > before + people) return true
          throw new Error(`creates do not go on; the last refusal: ${load.lastRefusal()}`)
        },
        { withinMs: 30_000 },
      )
      // The first of the four are each killed once; the others as chance has it, and sometimes both of a kind.
      const victim = victims[kill < 4 ? kill : Math.floor(random() * victims.length)]!
      const other = victims.find((one) => one !== victim && one.program === victim.program)!
      const both = kill >= 4 && kill % 5 === 0
      if (victim.program === 'shortener') skipped += await victim.metric('shortener_skipped_codes_total')
      await Promise.all([victim.kill('SIGKILL'), both ? other.kill('SIGKILL') : undefined])
      order.push(both ? `both ${victim.program}s` : victim.name)
      await Promise.all([victim.start(), both ? other.start() : undefined])
    }
    await load.stop()
    const drawn = await drawing.stop()
    for (const shortener of fleet.shorteners) {
      skipped += await shortener.metric('shortener_skipped_codes_total')
    }
    console.log(
      `killed ${order.join(', ')}: ${load.acknowledged.size} keys acknowledged after ${load.retries()} retries, ${drawn.length} codes drawn beside`,
    )

    expect(load.wrongAnswers).toEqual([])
    const severalCodes = [...load.acknowledged].filter(([, codes]) => codes.size !== 1)
    expect(severalCodes).toEqual([])
    const links = [...load.acknowledged].map(([url, codes]) => [url, [...codes][0] ?? ''] as const)
    const rows = await query<{ url: string; code: string }>(
      "SELECT target_url AS url, code FROM links.links WHERE target_url LIKE 'https://example.com/kept/%'",
    )
    expect(rows).toHaveLength(links.length)
    const stored = new Map(rows.map(({ url, code }) => [url, code]))
    expect(links.filter(([url, code]) => stored.get(url) !== code)).toEqual([])
    const [records] = await query<{ keys: number }>(
      'SELECT count(*)::int AS keys FROM links.idempotency_records',
    )
    expect(records?.keys).toBe(links.length)
    // A code that came twice would show here, or would have been skipped as taken.
    const codes = [...drawn, ...links.map(([, code]) => code)]
    expect(new Set(codes).size).toBe(codes.length)
    expect(skipped).toBe(0)
    expect(await wrongTargets(links)).toEqual([])
  },
  60_000 + kills * 15_000,
)

test('creates go on while one id-generator and one shortener are frozen, and both are taken back', async () => {
  const [frozen, steady] = fleet.generators
  const [frozenShortener, steadyShortener] = fleet.shorteners
  const links: (readonly [string, string])[] = []
  async function createOne(): Promise<void> {
    const url = `https://example.com/frozen/${links.length}`
    const answer = await create(steadyShortener, { url })
    expect(answer.status).toBe(201)
    links.push([url, ((await answer.json()) as { code: string }).code])
  }
  frozen.freeze()
  frozenShortener.freeze()
  const allocatedBefore = await steady.metric('id_generator_codes_allocated_total')
  // More than one call's worth of codes, so that the pool is filled again meanwhile.
  const creator = async () => {
    while (links.length < 2_500) await createOne()
  }
  await Promise.all(Array.from({ length: people }, creator))
  await eventually(async () => {
    expect(await steady.metric('id_generator_codes_allocated_total')).toBeGreaterThan(allocatedBefore + 1_000)
  })
  // Nobody asked for these yet: redirect asks the shortener that answers.
  const missing = `nobody-made-${Date.now()}`
  const answer = await call('GET', `${fleet.redirect.url}/${missing}`)
  expect(answer.status).toBe(404)
  expect(await wrongTargets(links.slice(-200))).toEqual([])
  frozen.thaw()
  frozenShortener.thaw()
  await eventually(async () => expect((await create(frozenShortener)).status).toBe(201))
})

test('10,000 creates go on without any id-generator, then they are refused, and go on when one is back', async () => {
  const [shortener] = fleet.shorteners
  await eventually(async () =>
    expect(await shortener.metric('shortener_code_pool_codes')).toBeGreaterThanOrEqual(11_000),
  )
  await Promise.all(fleet.generators.map((generator) => generator.kill('SIGKILL')))
  const refused: Response[] = []
  let created = 0
  async function creator(): Promise<void> {
    while (refused.length === 0) {
      const answer = await create(shortener)
      if (answer.status === 201) created += 1
      // While there are codes a crowded machine may refuse what it cannot answer in time.
      else if ((await shortener.metric('shortener_code_pool_codes')) === 0) refused.push(answer)
      if (!refused.includes(answer)) await answer.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: people }, creator))
  expect(created).toBeGreaterThanOrEqual(10_000)
  const [first] = refused
  expect(first?.status).toBe(503)
  expect(first?.headers.get('retry-after')).toBe('1')
  expect(first?.headers.get('content-type')).toContain('application/problem+json')
  expect(await first?.json()).toMatchObject({ code: 'not-created' })
  expect(await shortener.metric('shortener_code_pool_codes')).toBe(0)
  expect(await shortener.metric('shortener_code_pool_refusals_total')).toBeGreaterThan(0)
  expect((await create(shortener, { alias: 'an-alias-needs-no-code' })).status).toBe(201)

  await fleet.generators[0].start()
  await eventually(async () => expect((await create(shortener)).status).toBe(201))
  await eventually(async () =>
    expect(await shortener.metric('shortener_code_pool_codes')).toBeGreaterThan(10_000),
  )
  await fleet.generators[1].start()
}, 240_000)
