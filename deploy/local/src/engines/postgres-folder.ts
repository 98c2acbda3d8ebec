/**
 * The data folders of a Postgres cluster. Root cannot run Postgres, so then it works as another user, and that user
 * must be able to enter each folder above its data: where the home is closed (a 0700 one), the data lies under
 * /var/lib/linkfleet, and a file in the home says where.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import {
  chmod,
  chown,
  cp,
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { isDiskFull, LocalFleetError, messageOf } from '../problem.ts'
import type { Program } from '../programs/program.ts'
import { connectOnce, DATABASE, memberUrl, SUPERUSER } from './postgres-query.ts'
import { type UnixUser, userForPostgres, withNamedUser } from './postgres-user.ts'

export type Member = { name: string; port: number; data: string }
export type PostgresFolder = { path: string; user: UnixUser | undefined }

export async function preparePostgresFolder(home: string): Promise<PostgresFolder> {
  const user = userForPostgres()
  const path = await choosePath(resolve(home), user !== undefined)
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (user) await chown(path, user.uid, user.gid)
  await chmod(path, 0o700)
  return { path, user }
}

async function choosePath(home: string, asAnotherUser: boolean): Promise<string> {
  const pointer = join(home, 'postgres-folder')
  if (existsSync(pointer)) return (await readFile(pointer, 'utf8')).trim()
  const inside = join(home, 'postgres')
  if (!asAnotherUser || existsSync(inside) || canOthersEnter(home)) return inside
  const outside = join('/var/lib/linkfleet', randomBytes(8).toString('hex'))
  await mkdir(dirname(outside), { recursive: true })
  // Whatever umask it was made under, the other user must be able to enter it.
  await chmod(dirname(outside), 0o755)
  await writeFile(pointer, `${outside}\n`)
  return outside
}

function canOthersEnter(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** Makes the first member's folder, once, and returns the password of the superuser. */
export async function initialize(
  folder: PostgresFolder,
  program: Program,
  first: Member,
  signal: AbortSignal | undefined,
): Promise<string> {
  const passwordFile = join(folder.path, 'password')
  const finished = join(folder.path, 'initialized')
  if (existsSync(finished)) return (await readFile(passwordFile, 'utf8')).trim()
  const password = randomBytes(24).toString('base64url')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (folder.user) await chown(passwordFile, folder.user.uid, folder.user.gid)
  // An earlier start may have been killed in the middle.
  await rm(first.data, { recursive: true, force: true })
  const args = ['-D', first.data, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const initdb = withNamedUser(join(dirname(program.path), 'initdb'), [...args, ...locale])
  try {
    await promisify(execFile)(initdb.file, initdb.args, {
      cwd: folder.path,
      timeout: 120_000,
      signal,
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
      ...folder.user,
    })
  } catch (error) {
    signal?.throwIfAborted()
    await rm(first.data, { recursive: true, force: true })
    if (isDiskFull(error)) throw new LocalFleetError('Postgres could not start: the disk is full.')
    throw new LocalFleetError(`Postgres could not make its folder: ${messageOf(error).trim()}`)
  }
  await createDatabase(folder, program, first)
  await writeFile(finished, '')
  return password
}

/** In single-user mode, so that the copies that become replicas hold the database from their first moment. */
async function createDatabase(folder: PostgresFolder, program: Program, first: Member): Promise<void> {
  const singleUser = withNamedUser(program.path, ['--single', '-D', first.data, 'postgres'])
  const running = promisify(execFile)(singleUser.file, singleUser.args, {
    cwd: first.data,
    timeout: 60_000,
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    ...folder.user,
  })
  running.child.stdin?.end(`CREATE DATABASE ${DATABASE} OWNER ${SUPERUSER}\n`)
  await running
}

const mb = 1024 * 1024

/**
 * Each create touches a page of the primary key at random, and one that is not there is read, for which another is written:
 * 512 MB hold what ten million links need. Memory is taken only as pages come to be used, so few links take little; a small
 * machine, on which three members and all else share, gives less.
 */
function sharedBuffersMb(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  return Math.min(512, Math.max(96, Math.floor(memory / 32 / mb)))
}

/** The settings of this start, in a file of their own that Postgres reads last. */
export async function writeMemberSettings(
  folder: PostgresFolder,
  member: Member,
  primary: Member | undefined,
  password: string,
  options: { maxConnections: number },
): Promise<void> {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port: member.port,
    // No Unix socket: another user's processes could reach it without a password being asked on some systems.
    unix_socket_directories: '',
    max_connections: options.maxConnections,
    shared_buffers: `${sharedBuffersMb()}MB`,
    max_wal_senders: 10,
    wal_keep_size: '256MB',
    // After a checkpoint the first change of a page writes all of it: codes lie at random, so with many links that is
    // a page for each create, and rare checkpoints are worth some disk. It is used only where so much is written.
    max_wal_size: '2GB',
    wal_buffers: '16MB',
    wal_receiver_status_interval: '1s',
    wal_retrieve_retry_interval: '200ms',
    hot_standby: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    cluster_name: member.name,
    primary_conninfo: primary ? conninfo(primary, password, member.name) : '',
  }
  const lines = Object.entries(settings).map(
    ([key, value]) => `${key} = '${String(value).replaceAll("'", "''")}'`,
  )
  await writeOwned(folder, join(member.data, 'linkfleet.conf'), `${lines.join('\n')}\n`)
  const main = join(member.data, 'postgresql.conf')
  const text = await readFile(main, 'utf8')
  if (!text.includes("include 'linkfleet.conf'"))
    await writeOwned(folder, main, `${text}\ninclude 'linkfleet.conf'\n`)
  const signal = join(member.data, 'standby.signal')
  if (primary) await writeOwned(folder, signal, '')
  else await promoteAtStart(folder, member, signal)
  await writeOwned(folder, join(member.data, 'started'), '')
}

/** The file names it primary but its folder is a replica's: a promotion that was cut short is finished now. */
async function promoteAtStart(folder: PostgresFolder, member: Member, signal: string): Promise<void> {
  if (!existsSync(signal)) return
  // Recovery without a source ends at once, and opens a new timeline, as a promotion does.
  await writeOwned(folder, join(member.data, 'recovery.signal'), '')
  const settings = join(member.data, 'linkfleet.conf')
  await writeOwned(folder, settings, `${await readFile(settings, 'utf8')}restore_command = 'false'\n`)
  await rm(signal)
}

function conninfo(primary: Member, password: string, name: string): string {
  return `host=127.0.0.1 port=${primary.port} user=${SUPERUSER} password=${password} application_name=${name}`
}

/** A replica's folder out of a primary's that is not running. */
export async function copyStopped(folder: PostgresFolder, from: Member, to: Member): Promise<void> {
  await rm(to.data, { recursive: true, force: true })
  const aside = `${to.data}.new`
  await rm(aside, { recursive: true, force: true })
  await cp(from.data, aside, { recursive: true, mode: 2, verbatimSymlinks: true })
  await finishCopy(folder, aside, to)
}

/** A replica's folder out of a running primary's, by its low-level backup functions (manual, section 25.3.4). */
export async function seedFromRunning(
  folder: PostgresFolder,
  primary: Member,
  to: Member,
  password: string,
): Promise<void> {
  const aside = `${to.data}.new`
  await rm(aside, { recursive: true, force: true })
  await using client = await connectOnce(memberUrl(primary.port, password))
  await client.query("SELECT pg_backup_start('linkfleet', true)")
  await copyRunning(primary.data, aside)
  const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)')
  await writeFile(join(aside, 'backup_label'), rows[0]?.labelfile as string)
  await copyWal(primary.data, aside)
  await rm(to.data, { recursive: true, force: true })
  await finishCopy(folder, aside, to)
}

const NOT_COPIED = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'started',
  'pg_wal',
  'pg_replslot',
  'pg_stat_tmp',
])

async function copyRunning(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  for (const entry of await readdir(from)) {
    if (NOT_COPIED.has(entry)) continue
    await copyTolerant(join(from, entry), join(to, entry))
  }
  for (const empty of ['pg_wal', 'pg_wal/archive_status', 'pg_wal/summaries', 'pg_replslot', 'pg_stat_tmp'])
    await mkdir(join(to, empty), { recursive: true, mode: 0o700 })
}

/** A file may vanish while it is copied (a dropped table); replay knows. */
async function copyTolerant(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true, mode: 2, verbatimSymlinks: true })
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    if (existsSync(from)) await copyTolerant(from, to)
  }
}

/** The write-ahead log last, so that it holds all that the backup needs until streaming takes over. */
async function copyWal(from: string, to: string): Promise<void> {
  for (const entry of await readdir(join(from, 'pg_wal'))) {
    if (/^[0-9A-F]{24}$|\.history$/.test(entry))
      await copyTolerant(join(from, 'pg_wal', entry), join(to, 'pg_wal', entry))
  }
}

async function finishCopy(folder: PostgresFolder, aside: string, to: Member): Promise<void> {
  await writeFile(join(aside, 'standby.signal'), '')
  await chmod(aside, 0o700)
  if (folder.user) await chownTree(aside, folder.user)
  await rename(aside, to.data)
}

async function chownTree(root: string, user: { uid: number; gid: number }): Promise<void> {
  await chown(root, user.uid, user.gid)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true }))
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid)
}

async function writeOwned(folder: PostgresFolder, file: string, text: string): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  await handle.writeFile(text)
  if (folder.user) await handle.chown(folder.user.uid, folder.user.gid)
}
