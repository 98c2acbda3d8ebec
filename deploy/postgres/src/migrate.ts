/**
 * Brings a database to the schema that this checkout's services expect.
 *
 * Each owner keeps plain SQL files in its own `migrations/` folder and a table of what ran in its own schema, so services
 * are migrated independently of each other's history. One session-level advisory lock covers the whole run: several
 * deployments may start at once, the later ones wait and find nothing to do. While a statement waits
 * for the lock of a busy table, all traffic queues behind it: so it waits for less time than an answer may take, gives way to
 * what has queued, and is tried again; in the end the run fails, nothing is applied, repeat it.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import type pg from 'pg'
import { connectToPrimary } from './primary.ts'
import { createLoginUsers, createServiceRoles, type ServiceRole } from './roles.ts'

export interface MigrationSource {
  /** Schema the migrations own; their table of what ran is `<schema>.migrations`. */
  schema: string
  /** Absolute folder of `NNNN_name.sql` files; one that does not exist holds no migration. */
  directory: string
}

export interface MigrateOptions {
  databaseUrl: string
  log?: (message: string) => void
  sources?: readonly MigrationSource[]
}

export interface MigrateResult {
  /** `schema/name` of every migration this call applied, in order. */
  applied: string[]
  notes: string[]
}

// "lnkfleet" as a number; any constant does, it only has to be the same in every run.
const advisoryLockKey = 7884898226n
const advisoryLockWaitMs = 120_000
/** Well below the time in which services answer. */
const tableLockWaitMs = 250
const lockPauseMs = 500
const lockTriesMax = 20
/** An index that is built beside traffic waits for old transactions, and nobody waits for it. */
const concurrentlyWaitMs = 60_000

const ownMigrations = (service: string): string =>
  fileURLToPath(new URL(`../../../services/${service}/migrations`, import.meta.url))

/** Owners in the order in which they are migrated. */
export const migrationSources: readonly MigrationSource[] = [
  { schema: 'ids', directory: ownMigrations('id-generator') },
  { schema: 'links', directory: ownMigrations('shortener') },
  { schema: 'clicks', directory: ownMigrations('analytics') },
]

/** Idempotent. Throws the database's error when a migration fails; that migration's schema is then as it was before. */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { log = () => {}, sources = migrationSources } = options
  const client = await connectToPrimary(options.databaseUrl, 'linkfleet-migrate')
  try {
    await client.query(`SET lock_timeout = ${advisoryLockWaitMs}`)
    await client.query('SELECT pg_advisory_lock($1)', [advisoryLockKey.toString()])
    await client.query(`SET lock_timeout = ${tableLockWaitMs}`)
    const notes = await createServiceRoles(client)
    for (const note of notes) log(note)
    const applied: string[] = []
    for (const source of sources) {
      const numbered = await withLocks(() => migrateSource(client, source), log)
      const migrated = [...numbered, ...(await buildIndexes(client, source))]
      for (const name of migrated) {
        applied.push(`${source.schema}/${name}`)
        log(`applied ${source.schema}/${name}`)
      }
    }
    return { applied, notes }
  } finally {
    // Ending the session releases the advisory lock.
    await client.end()
  }
}

export interface LoginUsersOptions {
  databaseUrl: string
  /** By group role; roles without a password get no login user. */
  passwords: Partial<Record<ServiceRole, string>>
}

/** Creates or updates the LOGIN user `<role>_login` of each role given; `databaseUrl` must be allowed to create roles. */
export async function setLoginUsers(options: LoginUsersOptions): Promise<void> {
  const client = await connectToPrimary(options.databaseUrl, 'linkfleet-login-users')
  try {
    await createServiceRoles(client)
    await createLoginUsers(client, options.passwords)
  } finally {
    await client.end()
  }
}

/** Repeats what was rolled back because somebody held a table. Throws the database's error when nobody lets go of it. */
async function withLocks<T>(work: () => Promise<T>, log: (message: string) => void): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (error) {
      if ((error as { code?: unknown }).code !== '55P03' || tried === lockTriesMax) throw error
      if (tried === 1) log('waiting for a table that is in use')
      await sleep(lockPauseMs)
    }
  }
}

async function migrateSource(client: pg.Client, source: MigrationSource): Promise<string[]> {
  if (!existsSync(source.directory)) return []
  const applied = await runner({
    dbClient: client,
    dir: source.directory,
    ignorePattern: '(?!.*\\.sql$).*',
    migrationsSchema: source.schema,
    createMigrationsSchema: true,
    migrationsTable: 'migrations',
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    // This run holds a lock of its own around all schemas.
    noLock: true,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
  return applied.map((migration) => migration.name)
}

/**
 * Indexes of tables that may be large already are built beside the running services: CREATE INDEX CONCURRENTLY holds up
 * no writer, but is no part of a transaction. So each is a file of its own, `migrations/concurrently/<index>.sql`, run
 * whenever there is no such index. What a broken run left is invalid: it is dropped and built anew.
 */
async function buildIndexes(client: pg.Client, source: MigrationSource): Promise<string[]> {
  const directory = join(source.directory, 'concurrently')
  if (!existsSync(directory)) return []
  const built: string[] = []
  await client.query(`SET lock_timeout = ${concurrentlyWaitMs}`)
  for (const file of (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()) {
    const index = basename(file, '.sql')
    const { rows } = await client.query<{ is_valid: boolean }>(
      `SELECT i.indisvalid AS is_valid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE c.relname = $1 AND c.relnamespace = to_regnamespace($2)`,
      [index, source.schema],
    )
    if (rows[0]?.is_valid === true) continue
    const name = `${client.escapeIdentifier(source.schema)}.${client.escapeIdentifier(index)}`
    if (rows[0] !== undefined) await client.query(`DROP INDEX CONCURRENTLY ${name}`)
    await client.query(await readFile(join(directory, file), 'utf8'))
    built.push(`concurrently/${index}`)
  }
  await client.query(`SET lock_timeout = ${tableLockWaitMs}`)
  return built
}
