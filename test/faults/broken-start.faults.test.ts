/** A fleet that cannot come up says so in one sentence, and nothing of it stays behind. */
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readStartOptions } from '@linkfleet/local/fleet/options'
import { superviseFleet, type Telling } from '@linkfleet/local/fleet/supervisor'
import { Ledger } from '@linkfleet/local/ledger'
import { freePortBase } from '@linkfleet/testkit/free-ports'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { afterEach, beforeEach, expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '../..')
const telling: Telling = { say() {}, engineReady() {}, fetching() {} }

let home: string
beforeEach(async () => {
  home = await temporaryHome('broken-start')
})
afterEach(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))

async function start(from: string, signal: AbortSignal): Promise<never> {
  const where = ['--home', home, '--port-base', String(await freePortBase())]
  await using _fleet = await superviseFleet(from, readStartOptions(where, checkout), telling, signal)
  throw new Error('it came up')
}

const leftRunning = () => new Ledger(home).reap()

test('a source that leads nowhere is named, and the engines that had begun are gone', async () => {
  const broken = join(home, 'checkout')
  for (const [file, text] of [
    ['services/redirect/src/main.ts', "import './nowhere.ts'\n"],
    ['services/redirect/src/adapters/kafka-thread/kafka-worker.ts', ''],
  ] as const) {
    await mkdir(dirname(join(broken, file)), { recursive: true })
    await writeFile(join(broken, file), text)
  }
  for (const part of ['package.json', 'src'])
    await cp(join(checkout, 'deploy/bundle', part), join(broken, 'deploy/bundle', part), { recursive: true })
  await symlink(join(checkout, 'deploy/bundle/node_modules'), join(broken, 'deploy/bundle/node_modules'))
  const started = start(broken, new AbortController().signal)
  await expect(started).rejects.toThrow(/^redirect could not be bundled: [^\n]+nowhere\.ts[^\n]+$/)
  expect(await leftRunning()).toEqual([])
})

test.each([0, 100, 1_000])('given up after %i ms, it ends as it was told to', async (afterMs) => {
  const given = new AbortController()
  const started = start(checkout, given.signal)
  setTimeout(() => given.abort(new Error('given up')), afterMs)
  await expect(started).rejects.toThrow(/^given up$/)
  expect(await leftRunning()).toEqual([])
})
