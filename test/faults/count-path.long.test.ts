/**
 * What counting promises while its processes are killed and frozen, the group rebalances, Kafka restarts and batches
 * come twice: every click exactly once, in every sum. LINKFLEET_CLICKS says how many are sent (50,000 unless told),
 * LINKFLEET_KILLS how often an analytics is killed (4 unless told).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { eventually } from '@linkfleet/testkit/eventually'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CountPathFleet, startCountPathFleet } from './count-path-fleet.ts'
import { type ClickSender, openClickSender } from './counted-clicks.ts'

const random = seededRandom()

const clicks = Number(process.env.LINKFLEET_CLICKS ?? '50000')
const kills = Number(process.env.LINKFLEET_KILLS ?? '4')
const kafkaRestarts = kills >= 10 ? 2 : 1
const topic = 'clicks'
const partitions = 12
/** Longer than the group waits for a silent member. */
const frozenMs = 9_000
/** Of one thing that has to happen, on a machine that does much else. */
const stepWithinMs = 180_000
/** A kill costs the group the time in which it misses its member. */
const withinMs = 300_000 + kills * 30_000 + clicks / 2
let fleet: CountPathFleet
let sender: ClickSender
let database: pg.Client

beforeAll(async () => {
  fleet = await startCountPathFleet(topic, partitions)
  database = new pg.Client({ connectionString: fleet.databaseUrl })
  await database.connect()
  const kafka = openKafka({ brokers: fleet.kafkaBrokers, clientId: 'count-path', log: silentLogger() })
  sender = await eventually(() => openClickSender(kafka, topic, partitions), { withinMs: 30_000 })
})
afterAll(async () => {
  await sender?.[Symbol.asyncDispose]()
  await database?.end()
  await fleet?.[Symbol.asyncDispose]()
})

async function numberOf(text: string): Promise<number> {
  const { rows } = await database.query<{ number: string | null }>(`SELECT (${text}) AS number`)
  return Number(rows[0]?.number ?? 0)
}

const counted = () => numberOf('SELECT sum(humans + bots) FROM clicks.fleet_series WHERE grain_seconds = 0')

async function mapOf(text: string): Promise<Map<string, number>> {
  const { rows } = await database.query<{ name: string; clicks: string }>(text)
  return new Map(rows.map((row) => [row.name, Number(row.clicks)]))
}

async function untilMore(than: number): Promise<void> {
  await eventually(async () => (await counted()) > than, { withinMs: stepWithinMs, everyMs: 5 })
}

/** Everything in the log is applied, so a count that is exact now stays exact. */
async function untilDrained(): Promise<void> {
  const kafka = openKafka({ brokers: fleet.kafkaBrokers, clientId: 'ends', log: silentLogger() })
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  await eventually(
    async () => {
      const { rows } = await database.query<{ partition: number; next_offset: string }>(
        'SELECT partition, next_offset FROM clicks.partitions',
      )
      const applied = new Map(rows.map((row) => [row.partition, row.next_offset]))
      const behind = ends.filter(({ partition, high }) => (applied.get(partition) ?? '0') !== high)
      if (behind.length > 0) throw new Error(`${behind.length} partitions are behind`)
    },
    { withinMs: stepWithinMs, everyMs: 100 },
  )
}

/** Kills, freezes and restarts while clicks come; gives the order in which things were killed. */
async function killWhileCounting(): Promise<string[]> {
  const told: string[] = []
  const startedMs = performance.now()
  const steps = kills + 1
  let sent = 0
  for (let step = 0; step < steps; step++) {
    const share = step === steps - 1 ? clicks - sent : Math.floor(clicks / steps)
    sent += share
    const before = await counted()
    const sending = sender.send(share)
    sending.catch(() => {})
    if (step < kills) {
      await untilMore(before)
      // Somewhere in a batch: each takes some milliseconds.
      await delay(random() * 100)
      const victim = fleet.analytics[Math.floor(random() * 2)]!
      await victim.kill('SIGKILL')
      told.push(victim.name)
      await victim.start()
    }
    if (step > 0 && step <= kafkaRestarts) {
      await fleet.restartKafka()
      told.push('Kafka')
    }
    await sending
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    console.log(
      `${sent} of ${clicks} clicks sent, ${await counted()} counted, after ${seconds} s: ${told.at(-1)} was killed`,
    )
  }
  return told
}

/** One that the group gave up, and which does not know it when it goes on, must change nothing. */
async function freezeWhileCounting(share: number): Promise<void> {
  const before = await counted()
  const sending = sender.send(share)
  sending.catch(() => {})
  await untilMore(before)
  const [zombie] = fleet.analytics
  zombie.freeze()
  await delay(frozenMs)
  zombie.thaw()
  await sending
}

test(
  `${clicks} clicks, ${kills} × kill -9 of two analytics, one of them frozen, ${kafkaRestarts} × kill -9 of Kafka, 5 % sent twice: each counted once`,
  async () => {
    const startedMs = performance.now()
    const told = await killWhileCounting()
    await freezeWhileCounting(Math.floor(clicks / 10))
    await untilDrained()
    const { expected } = sender
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    console.log(
      `${expected.clicks} clicks, ${sender.sentTwice()} messages sent twice, killed ${told.join(', ')}: ${await counted()} counted, ${seconds} s`,
    )

    expect(await counted()).toBe(expected.clicks)
    expect(await mapOf('SELECT code AS name, humans + bots AS clicks FROM clicks.totals')).toEqual(
      expected.byCode,
    )
    for (const grain of [60, 3_600, 86_400]) {
      for (const table of ['series', 'fleet_series']) {
        const text = `SELECT sum(humans + bots) FROM clicks.${table} WHERE grain_seconds = ${grain}`
        expect([table, grain, await numberOf(text)]).toEqual([table, grain, expected.clicks])
      }
    }
    const byTrait = await mapOf(
      'SELECT trait AS name, sum(humans + bots) AS clicks FROM clicks.trait_counts GROUP BY trait',
    )
    // Country, referrer, browser, operating system, device, language: each click has all of them.
    expect(byTrait).toEqual(new Map([1, 2, 3, 4, 5, 6].map((trait) => [trait, expected.clicks])))
    const byCountry = await mapOf(
      'SELECT value AS name, sum(humans + bots) AS clicks FROM clicks.trait_counts WHERE trait = 1 GROUP BY value',
    )
    expect(byCountry).toEqual(expected.byCountry)
    expect(await numberOf('SELECT sum(visitors) FROM clicks.visitor_days')).toBe(expected.visitors)
    expect(await numberOf('SELECT count(*) FROM clicks.dead_letters')).toBe(0)
  },
  withinMs,
)
