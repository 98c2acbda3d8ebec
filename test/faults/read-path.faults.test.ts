/**
 * What redirect promises while its processes are killed and restarted under load: no acknowledged click lost, none
 * counted that nobody made, no accepted request failed. LINKFLEET_KILLS says how many are killed (20 unless told).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@linkfleet/testkit/eventually'
import { call } from '@linkfleet/testkit/fleet-client'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Followed, type FollowLoad, startFollowLoad } from './follow-load.ts'
import type { Member } from './member.ts'
import { type ReadPathFleet, startReadPathFleet } from './read-path-fleet.ts'

const random = seededRandom()

const kills = Number(process.env.LINKFLEET_KILLS ?? '20')
const people = 16
const linksPerTest = 20
let fleet: ReadPathFleet

beforeAll(async () => {
  fleet = await startReadPathFleet()
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

const redirectUrls = () => fleet.redirects.map(({ url }) => url)

async function createLinks(prefix: string): Promise<string[]> {
  const aliases = Array.from({ length: linksPerTest }, (_, index) => `${prefix}-${index}`)
  for (const alias of aliases) {
    const body = { url: `https://example.com/${alias}`, alias }
    expect((await call('POST', `${fleet.shortener.url}/api/v1/links`, body)).status).toBe(201)
  }
  return aliases
}

async function totalOf(code: string): Promise<number> {
  const answer = await call('GET', `${fleet.analytics.url}/api/v1/links/${code}/stats`)
  if (!answer.ok) throw new Error(`Statistics were answered ${answer.status}.`)
  return ((await answer.json()) as { total: number }).total
}

/** Waits until no click is missing, then looks for ones too many for a while that would bring them. */
async function expectCounted(byCode: ReadonlyMap<string, Followed>): Promise<Followed & { counted: number }> {
  const sum = { attempted: 0, acknowledged: 0, counted: 0 }
  for (const [code, { acknowledged }] of byCode)
    await eventually(async () => (await totalOf(code)) >= acknowledged, { withinMs: 60_000, everyMs: 100 })
  await delay(2_000)
  for (const [code, { attempted, acknowledged }] of byCode) {
    const counted = await totalOf(code)
    expect(counted, code).toBeGreaterThanOrEqual(acknowledged)
    expect(counted, code).toBeLessThanOrEqual(attempted)
    sum.attempted += attempted
    sum.acknowledged += acknowledged
    sum.counted += counted
  }
  return sum
}

/** Between one death or restart and the next: what is tried is a process at work, on the slowest machine too. */
const followedBetween = 250
const killsTimeoutMs = 180_000 + kills * 10_000

/** Kills one redirect again and again, each time as soon as it is back and under load. */
async function killAgainAndAgain(load: FollowLoad, victim: Member, times: number): Promise<void> {
  for (let kill = 0; kill < times; kill++) {
    await load.untilFollowed(followedBetween)
    await delay(random() * 500)
    await victim.kill('SIGKILL')
    await victim.start()
  }
}

test(
  `${kills} × kill -9 under load: acknowledged ≤ counted ≤ attempted, for each link`,
  async () => {
    const load = startFollowLoad({ redirectUrls: redirectUrls(), codes: await createLinks('kill'), people })
    const [first, second] = fleet.redirects
    const half = Math.ceil(kills / 2)
    await Promise.all([killAgainAndAgain(load, first, half), killAgainAndAgain(load, second, kills - half)])
    await load.untilFollowed(followedBetween)
    await load.stop()
    const sum = await expectCounted(load.byCode)
    console.log(`${kills} kills: ${JSON.stringify(sum)}; broken connections: ${load.failures.length}`)
    // A kill breaks the request that each person has under way, and perhaps the one with which they come back before the
    // dead process's port is closed: its queue takes connections until then. Nobody gets a wrong answer.
    expect(load.failures.filter((failure) => !['ECONNRESET', 'EPIPE'].includes(failure))).toEqual([])
    expect(load.failures.length).toBeLessThanOrEqual(2 * kills * people)
  },
  killsTimeoutMs,
)

test('a rolling restart under load fails no accepted request, and every click is counted', async () => {
  const load = startFollowLoad({ redirectUrls: redirectUrls(), codes: await createLinks('roll'), people })
  for (const redirect of [...fleet.redirects, ...fleet.redirects]) {
    await load.untilFollowed(followedBetween)
    await redirect.kill('SIGTERM')
    await redirect.start()
  }
  await load.untilFollowed(followedBetween)
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.refusedConnections()).toBeGreaterThan(0)
  const { acknowledged, attempted, counted } = await expectCounted(load.byCode)
  expect([acknowledged, counted]).toEqual([attempted, attempted])
})
