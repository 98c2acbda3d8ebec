/**
 * The folder that keeps fetched programs, one per user and version. Method: an entry is made in a folder aside,
 * listed with the SHA-256 of each file, and renamed into place, so that two starts at once both succeed and a start
 * that was killed leaves nothing that looks finished. Each use reads every file again and compares.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'

const LISTING = 'contents.json'

/** Root's home is closed to the user that Postgres then runs as, so root's cache is where all users can enter. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.LINKFLEET_CACHE) return resolve(env.LINKFLEET_CACHE)
  if (process.getuid?.() === 0) return '/var/cache/linkfleet'
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'linkfleet')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'linkfleet')
  return join(homedir(), '.cache', 'linkfleet')
}

export type CacheEntry = {
  /** Name and version, e.g. `kafka-4.1.1`. */
  name: string
  /** What the entry is made from: other pins make another entry, so that checkouts of different ages share a cache. */
  pins?: unknown
  /** Fills the empty folder; throws when what it got is not what the manifest says. */
  fill(folder: string): Promise<void>
}

/** The entry's folder, made when it is not there or no longer what it was. */
export async function cached(entry: CacheEntry, root = cacheFolder()): Promise<string> {
  const digest = createHash('sha256')
    .update(JSON.stringify(entry.pins ?? null))
    .digest('hex')
    .slice(0, 10)
  const folder = join(root, `${entry.name}-${digest}`)
  if (existsSync(folder)) {
    if (await isIntact(folder)) return folder
    await discard(folder)
  }
  if (await mkdir(root, { recursive: true })) await chmod(root, 0o755)
  const aside = await mkdtemp(join(root, `.${entry.name}-`))
  try {
    await entry.fill(aside)
    await writeFile(join(aside, LISTING), JSON.stringify(await listFolder(aside)))
    await openToAll(aside)
    await rename(aside, folder)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    // Another start was faster: what it put there is as good, when it is intact.
    if (!(existsSync(folder) && (await isIntact(folder)))) throw error
  }
  return folder
}

/** Whatever the umask, or the modes of what was copied: another user may be who runs it. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(path, 0o755)
    if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644)
  }
}

async function discard(folder: string): Promise<void> {
  const aside = `${folder}.damaged-${process.pid}-${Date.now()}`
  await rename(folder, aside).catch(() => {})
  await rm(aside, { recursive: true, force: true })
}

async function isIntact(folder: string): Promise<boolean> {
  try {
    const expected = JSON.parse(await readFile(join(folder, LISTING), 'utf8')) as Record<string, string>
    const actual = await listFolder(folder)
    const names = Object.keys(expected)
    return (
      names.length === Object.keys(actual).length && names.every((name) => actual[name] === expected[name])
    )
  } catch {
    return false
  }
}

/** Each file's SHA-256 (a symbolic link's target) by its path in the folder. */
async function listFolder(folder: string): Promise<Record<string, string>> {
  const listing: Record<string, string> = {}
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    if (name === LISTING) continue
    if (entry.isSymbolicLink()) listing[name] = `-> ${await readlink(path)}`
    else if (entry.isFile()) listing[name] = await sha256File(path)
  }
  return listing
}

export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
