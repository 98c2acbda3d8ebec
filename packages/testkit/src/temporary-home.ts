import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identifyProcess, isSameProcessAlive, type ProcessIdentity } from '@linkfleet/local/process-identity'
import { runLauncher } from './launcher.ts'

const namePrefix = 'linkfleet-'
const ownerFile = 'owner.json'

/**
 * A folder for a test's engines, which says whose it is. Others may enter it, though not list it: run by root, Postgres
 * works as another user, and in a closed home its data would lie elsewhere and outlive the home.
 */
export async function temporaryHome(purpose: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), `${namePrefix}${purpose}-`))
  await chmod(home, 0o711)
  await writeFile(join(home, ownerFile), JSON.stringify(identifyProcess(process.pid)))
  return home
}

/**
 * Ends what tests left running that were killed themselves, and removes its homes; gives back their number. Of two that
 * do it at once, one may find nothing left to do.
 */
export async function removeAbandonedHomes(): Promise<number> {
  let removed = 0
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(namePrefix)) continue
    const home = join(tmpdir(), name)
    const owner = await ownerOf(home)
    if (owner === undefined || isSameProcessAlive(owner)) continue
    const { status, output } = await runLauncher(['stop', '--home', home])
    if (status !== 0) {
      console.warn(`${home} was left by an earlier test run and does not stop:\n${output}`)
      continue
    }
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
    removed += 1
  }
  return removed
}

/** undefined for what is no home of a test, or not yet. */
async function ownerOf(home: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(join(home, ownerFile), 'utf8')) as ProcessIdentity
  } catch {
    return undefined
  }
}
