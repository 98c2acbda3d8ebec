/**
 * The folders of the spool: one for each producer, that is, for each start of a redirect process.
 *
 * A producer's folder is held by a lock that the kernel frees when its holder ends, however it ends, and keeps
 * while the holder is merely frozen: an open exclusive transaction of SQLite. Only the holder appends or deletes.
 * Nobody appends to an earlier producer's folder: who gets its lock reads it to the end, sends it, and removes it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { producerIdBytes } from '@linkfleet/contracts/clicks'

const lockName = 'lock.db'
const newPrefix = 'new-'
const halfMadeAfterMs = 60_000
const folderPattern = /^[0-9a-f]{32}$/
const newFolderPattern = /^new-[0-9a-f]{32}$/
const segmentPattern = /^([0-9]{8})\.clicks$/

export const checkpointName = 'checkpoint.json'

export interface HeldFolder extends Disposable {
  readonly path: string
  readonly producerId: Buffer
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.clicks`
}

/** The numbers of the segments in a folder, in order. */
export async function listSegments(path: string): Promise<number[]> {
  const names = await readdir(path)
  return names
    .flatMap((name) => segmentPattern.exec(name)?.slice(1, 2) ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/** Takes the lock of a folder, or gives undefined when somebody has it. The folder must exist. */
function tryLock(path: string): Disposable | undefined {
  const database = new DatabaseSync(join(path, lockName), { timeout: 0 })
  try {
    // No journal: nothing is ever written, and the folder may be renamed while it is held.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return { [Symbol.dispose]: () => database.close() }
  } catch (cause) {
    database.close()
    if (/locked|busy/i.test((cause as Error).message)) return undefined
    throw cause
  }
}

/**
 * Makes the folder of a new producer, held. It gets its name only once it is held, so that nobody mistakes it for
 * one whose producer is dead.
 */
export async function createFolder(spoolDir: string): Promise<HeldFolder> {
  for (let attempt = 0; ; attempt += 1) {
    const producerId = randomBytes(producerIdBytes)
    const name = producerId.toString('hex')
    const making = join(spoolDir, newPrefix + name)
    try {
      await mkdir(spoolDir, { recursive: true })
      await mkdir(making)
      const lock = tryLock(making)
      if (lock === undefined) throw new Error(`Another process holds ${making}.`)
      await renameHeld(lock, making, join(spoolDir, name))
      await syncFolder(spoolDir)
      return { path: join(spoolDir, name), producerId, [Symbol.dispose]: () => lock[Symbol.dispose]() }
    } catch (cause) {
      await removeFiles(making, [lockName]).catch(() => undefined)
      if (attempt >= 3) throw new Error(`The spool folder ${spoolDir} cannot be used.`, { cause })
    }
  }
}

const mayPassCodes = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'ESTALE'])

/** Whether a folder could not be made for want of room or of a disk, and not because of what was configured. */
export function mayPass(cause: unknown): boolean {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (mayPassCodes.has((error as NodeJS.ErrnoException).code ?? '')) return true
  }
  return false
}

/** Has the names in a folder survive a loss of power: a file that loses its name is lost whole. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}

async function renameHeld(lock: Disposable, from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (cause) {
    lock[Symbol.dispose]()
    throw cause
  }
}

/**
 * Takes over folders whose producers are dead, at most `foldersMax`; those in `held` are ours already. `failed` is
 * told of folders that are there and cannot be locked, although nobody holds them.
 */
export async function adoptFolders(
  spoolDir: string,
  held: ReadonlySet<string>,
  foldersMax: number,
  failed: (path: string, cause: unknown) => void,
): Promise<HeldFolder[]> {
  const adopted: HeldFolder[] = []
  for (const name of await readdir(spoolDir)) {
    if (adopted.length >= foldersMax) break
    const path = join(spoolDir, name)
    if (held.has(path)) continue
    if (newFolderPattern.test(name)) await clearHalfMade(path, failed)
    if (!folderPattern.test(name)) continue
    const lock = await lockIfThere(path, failed)
    if (lock === undefined) continue
    adopted.push({
      path,
      producerId: Buffer.from(name, 'hex'),
      [Symbol.dispose]: () => lock[Symbol.dispose](),
    })
  }
  return adopted
}

/** A folder that another process has just removed is simply not there. */
async function lockIfThere(
  path: string,
  failed: (path: string, cause: unknown) => void,
): Promise<Disposable | undefined> {
  try {
    return tryLock(path)
  } catch (cause) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (isThere) failed(path, cause)
    return undefined
  }
}

/** Only what has lain there for a while: its maker may be between making it and taking its lock. */
async function clearHalfMade(path: string, failed: (path: string, cause: unknown) => void): Promise<void> {
  const made = await stat(path).catch(() => undefined)
  if (made === undefined || Math.abs(Date.now() - made.mtimeMs) < halfMadeAfterMs) return
  const lock = await lockIfThere(path, failed)
  if (lock === undefined) return
  try {
    await removeFiles(path, [lockName])
  } finally {
    lock[Symbol.dispose]()
  }
}

/** Removes a held folder that has no segments any more, and frees it. */
export async function removeFolder(folder: HeldFolder): Promise<void> {
  try {
    if ((await listSegments(folder.path)).length > 0) throw new Error(`${folder.path} still holds clicks.`)
    await removeFiles(folder.path, [checkpointName, `${checkpointName}.new`, lockName])
  } finally {
    folder[Symbol.dispose]()
  }
}

async function removeFiles(path: string, names: readonly string[]): Promise<void> {
  // The lock goes last: whoever takes a new one in the meantime finds no segment.
  for (const name of names) await rm(join(path, name), { force: true })
  await rmdir(path).catch(() => undefined)
}

/** The bytes of the folders of producers that are not in `except`: of processes that live, or wait to be adopted. */
export async function otherFolderBytes(spoolDir: string, except: ReadonlySet<string>): Promise<number> {
  let bytes = 0
  for (const name of await readdir(spoolDir)) {
    const path = join(spoolDir, name)
    if (folderPattern.test(name) && !except.has(path)) bytes += await folderBytes(path)
  }
  return bytes
}

/** The bytes of the files in a folder; 0 when it is not there. A file that goes meanwhile counts as gone. */
export async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(path, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((total, size) => total + size, 0)
}

/**
 * Fills `target` with bytes of a segment from `offset` on, and gives back how many: fewer where it ends before. A segment
 * that is gone from its folder has none: who removes one by hand gives it up, and must not keep those after it from being
 * sent. When the folder is gone too, its volume may come back: that rejects.
 */
export async function readSegment(
  folder: string,
  segment: number,
  offset: number,
  target: Buffer,
): Promise<number> {
  let bytes = 0
  try {
    await using file = await open(join(folder, segmentName(segment)), 'r')
    while (bytes < target.length) {
      const { bytesRead } = await file.read(target, bytes, target.length - bytes, offset + bytes)
      if (bytesRead === 0) break
      bytes += bytesRead
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    await stat(join(folder, lockName))
  }
  return bytes
}

/** Where clicks and segments of a spool are kept that can never be sent. */
export const setAsideDirOf = (spoolDir: string): string => join(spoolDir, 'set-aside')

/** 16 bytes that change with each boot of this machine. */
export async function readBootId(): Promise<Buffer> {
  try {
    const text = await readFile('/proc/sys/kernel/random/boot_id', 'latin1')
    return Buffer.from(text.trim().replaceAll('-', ''), 'hex').subarray(0, 16)
  } catch {
    // Where the system does not tell, every start counts as a new boot: clicks are sent again, never lost.
    return randomBytes(16)
  }
}
