/** The real process, killed at random moments while clicks come in: every click counts once all the same. */
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@linkfleet/testkit/eventually'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import { expect, it } from 'vitest'
import { startAnalyticsProcess } from './testing/analytics-process.ts'
import { openFixture } from './testing/fixture.ts'
import { startSteadySender } from './testing/steady-sender.ts'

const random = seededRandom()
/** A kill costs the group the 6 s in which it misses its member; a busy machine takes its time over the rest. */
const withinMs = 90_000

it('kill -9 during ingest, again and again, with two processes in the group, neither loses nor repeats a click', async () => {
  await using fixture = await openFixture(4)
  await using processes = new AsyncDisposableStack()
  const start = () => processes.use(startAnalyticsProcess(fixture))
  const sender = startSteadySender(fixture)
  const running = [start(), start()]
  for (let kills = 0; kills < 3; kills++) {
    const before = await fixture.counted()
    await eventually(async () => (await fixture.counted()) > before, { withinMs, everyMs: 10 })
    // Somewhere in a batch: each is a few milliseconds long.
    await delay(random() * 50)
    await running.shift()?.kill()
    running.push(start())
  }
  const sent = await sender.stop()
  await eventually(
    async () => {
      const counted = await fixture.counted()
      if (counted !== sent) throw new Error(`${counted} are counted, not ${sent}`)
    },
    { withinMs, everyMs: 100 },
  )
  // What is still to come would be repeated clicks: wait until the log's end is applied.
  await fixture.untilDrained(withinMs)
  expect(await fixture.counted()).toBe(sent)
}, 500_000)
