/** The real process, killed at random moments while clicks come in: every click counts once all the same. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterEach, expect, it } from 'vitest'
import { message, producerId, run } from './testing/clicks.ts'
import { type Fixture, openFixture } from './testing/fixture.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const running = new Set<ChildProcess>()
const partitions = 4
const atMs = Date.now()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

function startProcess(fixture: Fixture): ChildProcess {
  const child = spawn(process.execPath, [main], {
    stdio: 'ignore',
    env: {
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      ADMIN_PORT: '0',
      DATABASE_URL: fixture.database.url,
      KAFKA_BROKERS: testKafkaBrokers().join(','),
      SHORTENER_ADDRESSES: '127.0.0.1:1',
      CLICKS_TOPIC: fixture.topic,
      CLICKS_GROUP: fixture.group,
      CLICKS_SESSION_TIMEOUT_MS: '6000',
      INGEST_FETCH_BYTES_MAX: '65536',
      LOG_LEVEL: 'error',
    },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Sends until it is told to stop, each 20th batch twice. Gives back the number of distinct clicks. */
async function sendUntil(fixture: Fixture, stop: AbortSignal): Promise<number> {
  let sent = 0
  for (let round = 0; !stop.aborted; round++) {
    const partition = round % partitions
    const first = Math.floor(round / partitions) * 500 + 1
    const values = Array.from({ length: 5 }, (_none, index) =>
      message(
        producerId(partition),
        run(first + index * 100, first + index * 100 + 99, { atMs, code: `code${(round + index) % 50}` }),
      ),
    )
    await fixture.send(partition, round % 20 === 0 ? [...values, ...values] : values)
    sent += 500
    await delay(5)
  }
  return sent
}

it('kill -9 during ingest, again and again, with two processes in the group, neither loses nor repeats a click', async () => {
  await using fixture = await openFixture(partitions)
  const stop = new AbortController()
  const sending = sendUntil(fixture, stop.signal)
  const children = [startProcess(fixture), startProcess(fixture)]
  for (let kills = 0; kills < 3; kills++) {
    const before = await fixture.counted()
    await eventually(async () => (await fixture.counted()) > before, { withinMs: 30_000, everyMs: 10 })
    // Somewhere in a batch: each is a few milliseconds long.
    await delay(Math.random() * 50)
    const victim = children.shift()
    if (victim !== undefined) await kill(victim)
    children.push(startProcess(fixture))
  }
  stop.abort()
  const sent = await sending
  await eventually(
    async () => {
      const counted = await fixture.counted()
      if (counted !== sent) throw new Error(`${counted} are counted, not ${sent}`)
    },
    { withinMs: 60_000, everyMs: 100 },
  )
  // What is still to come would be repeated clicks: wait until the log's end is applied.
  const ends = await fixture.ends()
  await eventually(async () => {
    const { rows } = await fixture.pool.query<{ next_offset: number }>(
      'SELECT next_offset FROM clicks.partitions ORDER BY partition',
    )
    return rows.every(({ next_offset }, partition) => next_offset === ends[partition])
  })
  expect(await fixture.counted()).toBe(sent)
}, 150_000)
