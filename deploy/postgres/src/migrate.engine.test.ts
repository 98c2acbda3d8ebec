import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { testDatabase, uniqueName } from '@linkfleet/testkit/engines'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MigrationSource, migrate, setLoginUsers } from './migrate.ts'
import { serviceRoles } from './roles.ts'

let host: Awaited<ReturnType<typeof testDatabase>>
let folder: string
let databaseUrl: string

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

const onDatabase = (url: string, name: string): string => {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** A source whose migrations are the given files; schema `shop`. */
async function source(files: Record<string, string>): Promise<MigrationSource> {
  const directory = await mkdtemp(join(folder, 'migrations-'))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql)
  return { schema: 'shop', directory }
}

beforeAll(async () => {
  host = await testDatabase()
  folder = await mkdtemp(join(tmpdir(), 'linkfleet-migrate-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await host[Symbol.asyncDispose]()
})

beforeEach(async () => {
  const name = uniqueName('migrate').replaceAll(/[^a-z0-9_]/g, '_')
  await query(host.url, `CREATE DATABASE ${name}`)
  databaseUrl = onDatabase(host.url, name)
  return async () => {
    await query(host.url, `DROP DATABASE ${name} WITH (FORCE)`)
  }
})

describe('migrate', () => {
  test('applies the files in order and nothing the second time', async () => {
    const shop = await source({
      '0001_create.sql': 'CREATE TABLE shop.things (id int PRIMARY KEY);',
      '0002_add.sql': "ALTER TABLE shop.things ADD COLUMN name text NOT NULL DEFAULT 'none';",
      'README.md': 'not a migration',
    })
    const first = await migrate({ databaseUrl, sources: [shop] })
    expect(first.applied).toEqual(['shop/0001_create', 'shop/0002_add'])
    const second = await migrate({ databaseUrl, sources: [shop] })
    expect(second.applied).toEqual([])
    expect(await query(databaseUrl, 'SELECT id, name FROM shop.things')).toEqual([])
  })

  test('the whole fleet migrates from nothing, and again, with a schema per owner', async () => {
    await migrate({ databaseUrl })
    expect((await migrate({ databaseUrl })).applied).toEqual([])
    const rows = await query<{ schema: string }>(
      databaseUrl,
      "SELECT table_schema AS schema FROM information_schema.tables WHERE table_name = 'migrations' ORDER BY 1",
    )
    expect(rows.map((row) => row.schema)).toEqual(['clicks', 'ids', 'links'])
  })

  test('runs at once from several processes apply each migration once', async () => {
    const shop = await source({
      '0001_create.sql': 'CREATE TABLE shop.things (id int PRIMARY KEY); SELECT pg_sleep(0.2);',
    })
    const runs = await Promise.all([1, 2, 3].map(() => migrate({ databaseUrl, sources: [shop] })))
    expect(runs.flatMap((run) => run.applied)).toEqual(['shop/0001_create'])
  })

  test('a migration that fails leaves nothing of itself behind', async () => {
    const shop = await source({
      '0001_half.sql': 'CREATE TABLE shop.things (id int PRIMARY KEY); SELECT nonsense;',
    })
    await expect(migrate({ databaseUrl, sources: [shop] })).rejects.toThrow(/nonsense/)
    expect(await query(databaseUrl, "SELECT to_regclass('shop.things') AS found")).toEqual([{ found: null }])
  })

  describe('a table that someone holds', () => {
    async function heldTable() {
      const shop = await source({ '0001_create.sql': 'CREATE TABLE shop.things (id int PRIMARY KEY);' })
      await migrate({ databaseUrl, sources: [shop] })
      await writeFile(join(shop.directory, '0002_add.sql'), 'ALTER TABLE shop.things ADD COLUMN name text;')
      const holder = new pg.Client({ connectionString: databaseUrl })
      await holder.connect()
      await holder.query('BEGIN')
      await holder.query('SELECT count(*) FROM shop.things')
      return { shop, holder }
    }

    test('makes the run wait, and never traffic for as long as an answer may take', async () => {
      const { shop, holder } = await heldTable()
      const traffic = new pg.Client({ connectionString: databaseUrl })
      await traffic.connect()
      try {
        await traffic.query('SET lock_timeout = 600')
        const waits = Promise.withResolvers<void>()
        const log = (message: string) => message.startsWith('waiting for a table') && waits.resolve()
        const migrating = migrate({ databaseUrl, sources: [shop], log })
        await waits.promise
        for (let id = 0; id < 20; id++) {
          await traffic.query('INSERT INTO shop.things VALUES ($1)', [id])
          await sleep(50)
        }
        await holder.query('COMMIT')
        expect((await migrating).applied).toEqual(['shop/0002_add'])
      } finally {
        await holder.end()
        await traffic.end()
      }
    })

    test('for good makes the run fail, and nothing is applied', async () => {
      const { shop, holder } = await heldTable()
      try {
        await expect(migrate({ databaseUrl, sources: [shop] })).rejects.toMatchObject({ code: '55P03' })
      } finally {
        await holder.end()
      }
      expect((await migrate({ databaseUrl, sources: [shop] })).applied).toEqual(['shop/0002_add'])
    })
  })

  test('a service without a migrations folder has no migration', async () => {
    const absent = { schema: 'absent', directory: join(folder, 'absent') }
    expect((await migrate({ databaseUrl, sources: [absent] })).applied).toEqual([])
  })

  test('an empty folder applies nothing', async () => {
    const directory = join(folder, 'empty')
    await mkdir(directory)
    expect((await migrate({ databaseUrl, sources: [{ schema: 'empty', directory }] })).applied).toEqual([])
  })
})

const rolesInSql = `{${serviceRoles.join(',')}}`

describe('setLoginUsers', () => {
  const withUser = (url: string, user: string, password: string): string => {
    const changed = new URL(url)
    changed.username = user
    changed.password = password
    return changed.href
  }

  test('redirect may read the links and its heartbeat, and nothing else', async () => {
    await migrate({ databaseUrl })
    await setLoginUsers({ databaseUrl, passwords: { linkfleet_redirect: "a'b$c" } })
    const url = withUser(databaseUrl, 'linkfleet_redirect_login', "a'b$c")
    expect(await query(url, 'SELECT count(*)::int AS links FROM links.links')).toEqual([{ links: 0 }])
    await query(url, 'SELECT id FROM links.heartbeat')
    await expect(query(url, 'DELETE FROM links.links')).rejects.toThrow(/permission denied/)
    await expect(query(url, 'SELECT 1 FROM links.outbox')).rejects.toThrow(/permission denied/)
    await expect(query(url, 'CREATE TABLE links.mine (id int)')).rejects.toThrow(/permission denied/)
  })

  test('no role can read or change what its service has no need of', async () => {
    await migrate({ databaseUrl })
    // Every right of every role on a table, a sequence or a schema of the fleet, but for reading and writing rows.
    const beyondRows = await query<{ found: string }>(
      databaseUrl,
      `SELECT role || ' ' || privilege || ' ' || oid::regclass AS found
       FROM unnest($$${rolesInSql}$$::text[]) AS role, unnest('{TRUNCATE,REFERENCES,TRIGGER,MAINTAIN}'::text[]) AS privilege,
         pg_class WHERE relnamespace::regnamespace::text IN ('ids', 'links', 'clicks') AND relkind IN ('r', 'p')
         AND has_table_privilege(role, oid, privilege)`,
    )
    // Analytics destroys the salts of visitors for good, which only TRUNCATE does.
    expect(beyondRows.map(({ found }) => found)).toEqual(['linkfleet_clicks TRUNCATE clicks.visitor_salts'])
    const schemas = await query<{ found: string }>(
      databaseUrl,
      `SELECT role || ' ' || privilege || ' ' || nspname AS found
       FROM unnest($$${rolesInSql}$$::text[]) AS role, unnest('{USAGE,CREATE}'::text[]) AS privilege, pg_namespace
       WHERE nspname IN ('ids', 'links', 'clicks') AND has_schema_privilege(role, oid, privilege) ORDER BY 1`,
    )
    expect(schemas.map(({ found }) => found)).toEqual([
      'linkfleet_clicks USAGE clicks',
      'linkfleet_ids USAGE ids',
      'linkfleet_links USAGE links',
      'linkfleet_redirect USAGE links',
    ])
  })

  test.each([
    ['linkfleet_ids', { SELECT: ['ids.keys', 'ids.shards'], UPDATE: ['ids.shards'], INSERT: [], DELETE: [] }],
    [
      'linkfleet_redirect',
      { SELECT: ['links.heartbeat', 'links.links'], UPDATE: [], INSERT: [], DELETE: [] },
    ],
  ])('%s has these rights on rows and no others', async (role, rights) => {
    await migrate({ databaseUrl })
    for (const [privilege, tables] of Object.entries(rights)) {
      const found = await query<{ name: string }>(
        databaseUrl,
        `SELECT oid::regclass::text AS name FROM pg_class
         WHERE relnamespace::regnamespace::text IN ('ids', 'links', 'clicks') AND relkind IN ('r', 'p')
           AND has_table_privilege('${role}', oid, '${privilege}') ORDER BY 1`,
      )
      expect(found.map(({ name }) => name)).toEqual(tables)
    }
  })

  test('what an operator does with keys and counters is for the owner alone', async () => {
    await migrate({ databaseUrl })
    await setLoginUsers({ databaseUrl, passwords: { linkfleet_ids: 'ids-password' } })
    const url = withUser(databaseUrl, 'linkfleet_ids_login', 'ids-password')
    await query(url, 'UPDATE ids.shards SET next_value = next_value WHERE shard = 0')
    for (const statement of [
      'SELECT ids.rotate_key()',
      'SELECT ids.advance_shards(1)',
      'SELECT ids.random_secret()',
      'DELETE FROM ids.shards',
      "UPDATE ids.keys SET secret = '\\x00'",
      'SELECT 1 FROM links.links',
      'SELECT 1 FROM clicks.marks',
    ]) {
      await expect(query(url, statement)).rejects.toThrow(/permission denied/)
    }
  })

  test('the stored verifier is the one Postgres makes of the password', async () => {
    await migrate({ databaseUrl, sources: [] })
    await setLoginUsers({ databaseUrl, passwords: { linkfleet_ids: 'correct horse' } })
    const [row] = await query<{ verifier: string }>(
      databaseUrl,
      "SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = 'linkfleet_ids_login'",
    )
    expect(row?.verifier).toMatch(/^SCRAM-SHA-256\$4096:/)
    expect(row?.verifier).not.toContain('correct horse')
  })
})

test('a user who may not create roles is told so and the migrations still run', async () => {
  const shop = await source({ '0001_create.sql': 'CREATE TABLE shop.things (id int PRIMARY KEY);' })
  const [missing] = await query<{ missing: boolean }>(
    databaseUrl,
    "SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_clicks') AS missing",
  )
  await query(
    databaseUrl,
    "DO $$ BEGIN CREATE ROLE linkfleet_test_plain LOGIN PASSWORD 'plain'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
  )
  await query(
    databaseUrl,
    `GRANT CREATE ON DATABASE ${new URL(databaseUrl).pathname.slice(1)} TO linkfleet_test_plain`,
  )
  const url = new URL(databaseUrl)
  url.username = 'linkfleet_test_plain'
  url.password = 'plain'
  const result = await migrate({ databaseUrl: url.href, sources: [shop] })
  expect(result.applied).toEqual(['shop/0001_create'])
  // The roles belong to the cluster: where another database has made them there is nothing to say.
  expect(result.notes).toHaveLength(missing?.missing ? 1 : 0)
})
