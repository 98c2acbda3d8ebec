/** Processes that share a spool: who may touch a folder while its owner runs, is frozen, wakes, and is dead. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { freePort, openRedirectBench, type RedirectProcess } from './testing/redirect-process.ts'

/** Every file of the spool but locks, with its size and when it changed. */
async function filesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.clicks')).sort()
  return await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name))
      return `${name} ${size} ${mtimeMs}`
    }),
  )
}

test('nobody touches the folder of a frozen process; it goes on when it wakes; killed, others send its clicks', async () => {
  await using bench = await openRedirectBench()
  bench.shortener.links.set('owner12', liveLink('owner12', 1))
  let acknowledged = 0
  const visit = async (redirect: RedirectProcess, visits: number) => {
    for (let count = 0; count < visits; count += 1) {
      const response = await fetch(`${redirect.url}/owner12`, { redirect: 'manual' })
      expect(response.status).toBe(302)
      expect(response.headers.get('click-recorded')).toBeNull()
      acknowledged += 1
    }
  }
  const counted = async () => (await bench.countedClicks()).length

  const owner = await bench.start({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` })
  await visit(owner, 50)
  const [ownFolder] = (await readdir(bench.spoolDir)).filter((name) => /^[0-9a-f]{32}$/.test(name))
  const folder = join(bench.spoolDir, ownFolder!)
  process.kill(owner.pid, 'SIGSTOP')
  const before = await filesOf(folder)

  const other = await bench.start()
  await visit(other, 20)
  // Two rounds in which the other one looks for folders of dead processes.
  await delay(11_000)
  expect(await filesOf(folder)).toEqual(before)
  await eventually(async () => (await counted()) === 20)

  process.kill(owner.pid, 'SIGCONT')
  await visit(owner, 30)
  process.kill(owner.pid, 'SIGSTOP')
  await owner.kill('SIGKILL')
  await eventually(async () => (await counted()) === acknowledged, { withinMs: 30_000 })
  expect(acknowledged).toBe(100)
})
