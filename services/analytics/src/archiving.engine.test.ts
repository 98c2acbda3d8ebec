/**
 * The archive of the real process, which is killed while it stores segments: what is archived, with what waits, is what was
 * counted, so that a rebuild beside the running service makes every row again.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { seededRandom } from '@linkfleet/testkit/seeded-random'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { expect, it } from 'vitest'
import { runCommand, startAnalyticsProcess } from './testing/analytics-process.ts'
import { rowsOfCounts } from './testing/archive-fixture.ts'
import { message, producerId, run } from './testing/clicks.ts'
import { type Fixture, openFixture } from './testing/fixture.ts'
import { startSteadySender } from './testing/steady-sender.ts'

const random = seededRandom()
const partitions = 4
const withinMs = 90_000
const kills = 2

async function numberOf({ pool }: Fixture, text: string): Promise<number> {
  const { rows } = await pool.query<{ number: number }>(`SELECT (${text})::bigint AS number`)
  return rows[0]?.number ?? 0
}

it('kill -9 while segments are stored loses nothing, and commands of an operator work beside the service', async () => {
  await using fixture = await openFixture(partitions)
  await using resources = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-archiving-'))
  resources.defer(async () => await rm(folder, { recursive: true, force: true }))
  const archive = { ARCHIVE_URL: pathToFileURL(folder).href }
  const operator = {
    ...archive,
    DATABASE_URL: fixture.database.url,
    KAFKA_BROKERS: testKafkaBrokers().join(','),
    CLICKS_TOPIC: fixture.topic,
  }
  // Each in a group of its own, which waits for no member that was killed.
  const start = () =>
    resources.use(
      startAnalyticsProcess(fixture, {
        ...archive,
        ARCHIVE_SEGMENT_BYTES: '65536',
        ARCHIVE_SEGMENT_SECONDS: '1',
        CLICKS_GROUP: uniqueName('group'),
      }),
    )
  const segments = () => numberOf(fixture, 'SELECT count(*) FROM clicks.archive_segments')

  const sender = startSteadySender(fixture)
  await fixture.send(0, [Buffer.from('nobody can read this')])
  let running = start()
  for (let killed = 0; killed < kills; killed++) {
    const before = await segments()
    await eventually(async () => (await segments()) > before, { withinMs, everyMs: 5 })
    // Segments of some partitions are stored one after the other: between, or within, one of them.
    await delay(random() * 40)
    await running.kill()
    running = start()
  }
  const sent = await sender.stop()
  await fixture.untilDrained(withinMs)
  expect(await fixture.counted()).toBe(sent)
  const waiting = () => numberOf(fixture, 'SELECT count(*) FROM clicks.archive_queue')
  await eventually(async () => (await waiting()) === 0, { withinMs, everyMs: 50 })

  const counted = await rowsOfCounts(fixture.pool)
  await fixture.pool.query('DELETE FROM clicks.series')
  const rebuilt = await runCommand('rebuild', [], operator)
  expect(rebuilt, rebuilt.output).toMatchObject({ status: 0 })
  // Nothing came from Kafka, which has it all, so the archive has it all as well.
  expect(rebuilt.output).not.toContain('from Kafka')
  expect(rebuilt.output).toContain(`${sent} clicks and orphan clicks are counted anew`)
  expect(await rowsOfCounts(fixture.pool)).toEqual(counted)

  const listed = await runCommand('dead-letters', ['list'], operator)
  expect(listed.output).toContain('undecodable')
  expect(await runCommand('dead-letters', ['replay', 'all'], operator)).toMatchObject({ status: 1 })

  // The service, whose tables were exchanged while it ran, counts on, and archives what it counts.
  await fixture.send(1, [message(producerId(9), run(1, 7, { atMs: Date.now() }))])
  await eventually(async () => (await fixture.counted()) === sent + 7, { withinMs, everyMs: 50 })
  const archived = 'SELECT sum(clicks) FROM clicks.archive_segments'
  await eventually(async () => (await numberOf(fixture, archived)) === sent + 7, { withinMs, everyMs: 50 })
  await running.kill()

  // A segment that is gone is named, and the counts stay.
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const stored = await fixture.pool.query<{ name: string }>(
    "SELECT encode(sha256, 'hex') AS name FROM clicks.archive_segments",
  )
  const [named = ''] = stored.rows.map(({ name }) => name)
  const file = files.find(({ name }) => name === named)
  expect(file).toBeDefined()
  await rm(join(file?.parentPath ?? '', named))
  const refused = await runCommand('rebuild', [], operator)
  expect(refused).toMatchObject({ status: 1, output: expect.stringContaining(`Segment ${named} is missing`) })
  expect(await fixture.counted()).toBe(sent + 7)
}, 600_000)
