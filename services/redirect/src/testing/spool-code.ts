/** Loads the domain of the spool as it is, or with one line changed, so that tests can show that they would notice. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const spoolDir = fileURLToPath(new URL('../domain/spool/', import.meta.url))
const modulesDir = fileURLToPath(new URL('../../node_modules', import.meta.url))

type Adoption = typeof import('../domain/spool/adoption.ts')
type Sender = typeof import('../domain/spool/spool-sender.ts')
type Batch = typeof import('../domain/spool/send-batch.ts')
export type SpoolCode = Pick<Adoption, 'planAdoption'> &
  Pick<Sender, 'SpoolSender'> &
  Pick<Batch, 'requireAcknowledged'>

export interface SeededBug {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The code with a bug in it. Throws when the line that is to be changed is not there exactly once. */
export async function loadWithBug(bug: SeededBug): Promise<SpoolCode & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-seeded-bug-'))
  try {
    await cp(spoolDir, join(folder, 'spool'), {
      recursive: true,
      filter: (path) => !path.endsWith('.test.ts'),
    })
    await symlink(modulesDir, join(folder, 'node_modules'))
    const path = join(folder, 'spool', bug.file)
    const source = await readFile(path, 'utf8')
    const parts = source.split(bug.from)
    if (parts.length !== 2) throw new Error(`${bug.file} holds "${bug.from}" ${parts.length - 1} times`)
    await writeFile(path, parts.join(bug.to))
    const load = (file: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, 'spool', file)).href)
    const [adoption, sender, batch] = await Promise.all(
      ['adoption.ts', 'spool-sender.ts', 'send-batch.ts'].map(load),
    )
    return {
      planAdoption: (adoption as Adoption).planAdoption,
      SpoolSender: (sender as Sender).SpoolSender,
      requireAcknowledged: (batch as Batch).requireAcknowledged,
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    }
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw cause
  }
}
