/** The file that names the current primary. It reaches the disk before anything is done that relies on it. */
import { existsSync } from 'node:fs'
import { chown, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Member, PostgresFolder } from './postgres-folder.ts'

/**
 * The named member, unless another one was promoted by hand meanwhile: that one is no replica any more and its
 * timeline is higher. It then becomes the named one, or its newer data would be thrown away as superseded.
 */
export async function settlePrimary(
  folder: PostgresFolder,
  members: Member[],
): Promise<{ name: string; member: Member | undefined }> {
  const name = await readPrimaryName(folder.path)
  let member = members.find((one) => one.name === name)
  let timeline = member ? await timelineOf(member) : 0
  for (const other of members) {
    const isReplica = existsSync(join(other.data, 'standby.signal'))
    if (other === member || isReplica || !existsSync(join(other.data, 'PG_VERSION'))) continue
    const otherTimeline = await timelineOf(other)
    if (otherTimeline <= timeline) continue
    member = other
    timeline = otherTimeline
  }
  if (member && member.name !== name) await writePrimaryName(folder, member.name)
  return { name: member?.name ?? name, member }
}

/** Each promotion writes a history file named by its timeline; a cluster without one is on its first. */
async function timelineOf(member: Member): Promise<number> {
  const wal = join(member.data, 'pg_wal')
  const names = existsSync(wal) ? await readdir(wal) : []
  const histories = names.flatMap((file) => /^([0-9A-F]{8})\.history$/.exec(file)?.[1] ?? [])
  return Math.max(1, ...histories.map((hex) => Number.parseInt(hex, 16)))
}

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
