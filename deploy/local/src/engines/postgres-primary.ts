/** The file that names the current primary. It reaches the disk before anything is done that relies on it. */
import { chown, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresFolder } from './postgres-folder.ts'

export async function readPrimaryName(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, 'primary'), 'utf8')).trim()
  } catch {
    return 'pg-1'
  }
}

export async function writePrimaryName(folder: PostgresFolder, name: string): Promise<void> {
  const file = join(folder.path, 'primary')
  await using aside = await open(`${file}.new`, 'w', 0o600)
  await aside.writeFile(`${name}\n`)
  await aside.sync()
  if (folder.user) await chown(`${file}.new`, folder.user.uid, folder.user.gid)
  await rename(`${file}.new`, file)
  await using parent = await open(folder.path, 'r')
  await parent.sync()
}
