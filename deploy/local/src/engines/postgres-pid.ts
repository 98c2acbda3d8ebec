/**
 * Postgres refuses to start while the number in postmaster.pid belongs to any live process of its user, so after a
 * crash a number that went to somebody else, or a dead server that its parent has not reaped, would stop each start.
 * The file is removed once no process of Postgres works in the data folder: the number alone would not do, since a
 * session that outlived its killed server is there too, and the file is how Postgres finds it. Such a session ends by
 * itself as soon as it notices. Without /proc the judgement stays with Postgres.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long sessions of a killed server may take to end. After it, Postgres judges by itself. */
const sessionsEndWithinMs = 15_000

/** To be called by whoever holds the home, for a member that it has not started. */
export async function removeStalePid(data: string, endWithinMs = sessionsEndWithinMs): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (process.platform !== 'linux' || !existsSync(file)) return
  const deadlineMs = performance.now() + endWithinMs
  while (await isInUse(data)) {
    if (performance.now() > deadlineMs) return
    await sleep(50)
  }
  await rm(file, { force: true })
}

/** Every process of a Postgres has its data folder as its working folder; so has the guard that watches over it. */
async function isInUse(data: string): Promise<boolean> {
  const folder = await realpath(data)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const inUse = await Promise.all(
    pids.map(async (pid) => {
      const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => '')
      if (workingFolder !== folder) return false
      return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres'
    }),
  )
  return inUse.includes(true)
}
