/** The spool against three brokers that are killed in turn, so that the leaders of its partitions move all the time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { eventually } from '@linkfleet/testkit/eventually'
import { startOwnKafka } from '@linkfleet/testkit/own-kafka'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClickToRecord } from '../../ports.ts'
import { readCountedClicks } from '../../testing/counted-clicks.ts'
import { openSpoolWithThread } from '../../testing/spool-with-thread.ts'
import type { ClickSpool } from './click-spool.ts'

const topic = uniqueName('clicks')
const partitionCount = 6
let spoolDir: string
let kafka: Awaited<ReturnType<typeof startOwnKafka>>

beforeAll(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-leaders-'))
  kafka = await startOwnKafka()
})
afterAll(async () => {
  await kafka?.[Symbol.asyncDispose]()
  await rm(spoolDir, { recursive: true, force: true })
})

const openSpool = (drainTimeoutMs: number) =>
  openSpoolWithThread({
    spoolDir,
    bytesMax: 256 * 1024 * 1024,
    segmentBytesMax: 256 * 1024,
    partitionCount,
    brokers: kafka.brokers,
    topic,
    drainTimeoutMs,
    clock: Date.now,
    recorded: () => undefined,
    dropped: (_kind, reason) => expect.fail(`a click was dropped: ${reason}`),
    failed: (what, cause) => expect.fail(`${what}: ${cause}`),
  })

const clickOf = (code: string): ClickToRecord => ({ ...plainClick, code, userAgent: 'x'.repeat(100) })

test('every click is on the topic, counted once, in the order of its partition, whichever broker was killed', async () => {
  let recorded = 0
  let spool: ClickSpool = await openSpool(0)
  let clicking = true
  const visitors = (async () => {
    while (clicking) {
      for (let click = 0; click < 20; click += 1) {
        const code = `leader-${recorded}`
        recorded += 1
        spool.append(clickOf(code), (isRecorded) => expect(isRecorded).toBe(true))
      }
      await delay(10)
    }
  })()
  await eventually(() => spool.state().sentMessages > 0, { withinMs: 30_000 })

  for (const broker of [0, 1, 2]) {
    await kafka.kill(broker)
    await delay(1_000)
    await kafka.startAgain(broker)
    // Each time another start of the process takes over what the one before it left in the middle of its work.
    const before = spool
    spool = await openSpool(0)
    await before[Symbol.asyncDispose]()
  }
  // Two at once: for a while nothing can be acknowledged.
  await Promise.all([kafka.kill(0), kafka.kill(1)])
  await delay(1_000)
  await Promise.all([kafka.startAgain(0), kafka.startAgain(1)])

  clicking = false
  await visitors
  await eventually(
    async () => {
      await spool.adopt()
      await delay(200)
      return spool.state().unsentBytes === 0
    },
    { withinMs: 60_000 },
  )
  await spool[Symbol.asyncDispose]()

  const counted = await readCountedClicks(kafka.brokers, topic, partitionCount)
  expect(counted.length, `${recorded} clicks were recorded`).toBe(recorded)
  expect(new Set(counted.map(({ code }) => code)).size).toBe(recorded)
  console.log(`${recorded} clicks over ${partitionCount} partitions, five kills of brokers`)
})
