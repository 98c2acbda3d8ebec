/**
 * Postgres refuses to start while the number in postmaster.pid belongs to any live process of its user, so after a
 * crash a number that went to somebody else would stop each start. The file is removed when nobody works in the data
 * folder. The number alone would not do: a session that outlived its killed server is there too, and the file is how
 * Postgres finds it. Without /proc the judgement stays with Postgres.
 */
import { readdir, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** To be called by whoever holds the home, for a member that it has not started. */
export async function removeStalePid(data: string): Promise<void> {
  if (process.platform !== 'linux' || (await isInUse(data))) return
  await rm(join(data, 'postmaster.pid'), { force: true })
}

/** Every process of a Postgres has its data folder as its working folder. */
async function isInUse(data: string): Promise<boolean> {
  const folder = await realpath(data)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const workingFolders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return workingFolders.includes(folder)
}
