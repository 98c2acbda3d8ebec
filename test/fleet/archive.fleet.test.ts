/** Counted clicks of the whole fleet are archived in a folder, and an operator counts them anew while it runs. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { eventually } from '@linkfleet/testkit/eventually'
import { readRunFile } from '@linkfleet/testkit/fleet'
import { createLink, follow, readStats, untilCounted } from '@linkfleet/testkit/fleet-client'
import { runLauncher } from '@linkfleet/testkit/launcher'
import { expect, inject, test } from 'vitest'

const fleet = inject('fleet')
const archiveEnv = inject('archiveEnv')
const clicks = 12
const withinMs = 60_000

async function storedSegments(): Promise<string[]> {
  const files = await readdir(fileURLToPath(archiveEnv.ARCHIVE_URL ?? ''), {
    recursive: true,
    withFileTypes: true,
  })
  return files.filter((file) => file.isFile() && /^[0-9a-f]{64}$/.test(file.name)).map(({ name }) => name)
}

/** The sum over all series of a gauge of the instance that counts. */
async function gauge(name: string): Promise<number> {
  const { services } = await readRunFile(fleet.home)
  const admin = services.find((service) => service.name === 'analytics')?.admin
  const page = await (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()
  const values = [...page.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'gm'))]
  expect(values.length, name).toBeGreaterThan(0)
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}

test('what is counted is archived, and counting it anew changes no answer', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/archived' })
  const before = (await storedSegments()).length
  for (let click = 0; click < clicks; click++) await follow(fleet, code)
  await untilCounted(fleet, code, clicks, withinMs)
  await eventually(async () => (await storedSegments()).length > before, { withinMs, everyMs: 100 })
  await eventually(async () => (await gauge('analytics_archive_queue_bytes')) === 0, {
    withinMs,
    everyMs: 100,
  })

  const { asOf: _, ...counted } = await readStats(fleet, code)
  const rebuilt = await runLauncher(['analytics', 'rebuild', '--home', fleet.home], archiveEnv)
  expect(rebuilt, rebuilt.output).toMatchObject({ status: 0 })
  expect(rebuilt.output).toContain('the new counts are the live ones now')
  expect(rebuilt.output).not.toContain('from Kafka')
  // A replica may still show the time between.
  await eventually(
    async () => {
      const { asOf: __, ...anew } = await readStats(fleet, code)
      expect(anew).toEqual(counted)
    },
    { withinMs },
  )
  for (let click = 0; click < clicks; click++) await follow(fleet, code)
  await untilCounted(fleet, code, 2 * clicks, withinMs)
}, 240_000)

test('commands of an operator find the fleet and say what they cannot do', async () => {
  const home = ['--home', fleet.home]
  expect(await runLauncher(['analytics', 'dead-letters', 'list', ...home])).toMatchObject({ status: 0 })
  expect(await runLauncher(['analytics', 'dead-letters', 'replay', ...home])).toMatchObject({ status: 64 })
  expect(await runLauncher(['analytics', 'rebuild', ...home])).toMatchObject({
    status: 1,
    output: expect.stringContaining('ARCHIVE_URL is not set'),
  })
  expect(await runLauncher(['analytics', 'rebuild', '--now', ...home])).toMatchObject({ status: 64 })
  const nowhere = await runLauncher(
    ['analytics', 'dead-letters', 'list', '--home', `${fleet.home}/nothing`],
    { DATABASE_URL: '', KAFKA_BROKERS: '' },
  )
  expect(nowhere.status).not.toBe(0)
  expect(nowhere.output).toContain('No fleet runs')
})
