/** A fleet that cannot come up says so in one sentence, and nothing of it stays behind. */
import { spawnSync } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeBrokenCheckout } from '@linkfleet/bundle/testing/broken-checkout'
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

async function start(from: string, portBase: number, signal: AbortSignal): Promise<never> {
  const where = ['--home', home, '--port-base', String(portBase)]
  await using _fleet = await superviseFleet(from, readStartOptions(where, checkout), telling, signal)
  throw new Error('it came up')
}

/** Engines, and the bundler, which has the home among its arguments. */
async function leftRunning(): Promise<string[]> {
  return [...(await new Ledger(home).reap()), ...(await commandLines()).filter((line) => line.includes(home))]
}

async function commandLines(): Promise<string[]> {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' }).stdout.split('\n')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // Some end while they are looked at.
  return await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
}

test('a source that leads nowhere is named, and nothing goes on', async () => {
  const broken = join(home, 'checkout')
  await writeBrokenCheckout(broken, "import './nowhere.ts'")
  const started = start(broken, await freePortBase(), new AbortController().signal)
  await expect(started).rejects.toThrow(/^redirect could not be bundled: [^\n]+nowhere\.ts[^\n]+$/)
  expect(await leftRunning()).toEqual([])
})

test.each([0, 100, 1_000])('given up after %i ms, it ends as it was told to', async (afterMs) => {
  const portBase = await freePortBase()
  const given = new AbortController()
  const started = start(checkout, portBase, given.signal)
  setTimeout(() => given.abort(new Error('given up')), afterMs)
  await expect(started).rejects.toThrow(/^given up$/)
  expect(await leftRunning()).toEqual([])
})
