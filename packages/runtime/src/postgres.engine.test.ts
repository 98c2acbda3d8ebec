import { runOnce } from '@linkfleet/testkit/database'
import { testDatabase } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { startOwnPostgres } from '@linkfleet/testkit/own-postgres'
import { expect, test } from 'vitest'
import { silentLogger } from './log.ts'
import { CommitUnknownError, openPool, type Session } from './postgres.ts'
import { hostsOf, withHost } from './postgres-primary.ts'

const options = {
  name: 'test',
  maxConnections: 2,
  statementTimeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  log: silentLogger(),
}

test('a transaction commits whole or not at all', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  await pool.query('CREATE TABLE things (name text PRIMARY KEY)')
  await pool.transaction(async (transaction) => await transaction.query("INSERT INTO things VALUES ('kept')"))
  await expect(
    pool.transaction(async (transaction) => {
      await transaction.query("INSERT INTO things VALUES ('lost')")
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect((await pool.query('SELECT name FROM things')).rows).toEqual([{ name: 'kept' }])
})

test('a commit whose answer is lost is unknown, and the pool works again after it', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  await pool.query('CREATE TABLE things (name text)')
  // A deferred trigger runs inside COMMIT and ends the very session that commits: no answer ever comes.
  await pool.query(`CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`)
  await pool.query(`CREATE CONSTRAINT TRIGGER ending AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION end_session()`)
  const creating = pool.transaction(
    async (transaction) => await transaction.query("INSERT INTO things VALUES ('a')"),
  )
  await expect(creating).rejects.toBeInstanceOf(CommitUnknownError)
  await eventually(async () => (await pool.query('SELECT 1 AS one')).rows[0]?.one === 1)
})

test('a commit that comes with a warning is unknown: the wait for synchronous replicas may have been cancelled', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  await pool.query('CREATE TABLE things (name text)')
  // Postgres tells so by a warning 01000 and commits; a deferred trigger can say the same inside COMMIT.
  await pool.query(`CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$`)
  await pool.query(`CREATE CONSTRAINT TRIGGER warning AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION warn()`)
  const creating = pool.transaction(
    async (transaction) => await transaction.query("INSERT INTO things VALUES ('a')"),
  )
  await expect(creating).rejects.toBeInstanceOf(CommitUnknownError)
  expect((await pool.query('SELECT name FROM things')).rows).toEqual([{ name: 'a' }])
})

test('a statement that is a transaction by itself is committed when it is answered, and nothing of it when it is refused', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  await pool.query('CREATE TABLE things (name text PRIMARY KEY)')
  const insert = (...names: string[]) =>
    pool.commit({
      name: 'insert-things',
      text: 'INSERT INTO things SELECT unnest($1::text[]) RETURNING name',
      values: [names],
    })
  expect((await insert('a', 'b')).rows).toEqual([{ name: 'a' }, { name: 'b' }])
  await expect(insert('c', 'a')).rejects.toMatchObject({ code: '23505' })
  expect((await pool.query('SELECT name FROM things ORDER BY name')).rows).toEqual([
    { name: 'a' },
    { name: 'b' },
  ])
  await insert('c')
})

test.each([
  ['the session ends', 'PERFORM pg_terminate_backend(pg_backend_pid())'],
  ['a warning comes with it', "RAISE WARNING 'canceling wait for synchronous replication'"],
])('a statement that commits by itself has an unknown outcome when %s', async (_name, action) => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  await pool.query('CREATE TABLE things (name text)')
  await pool.query(`CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN ${action}; RETURN NULL; END $$`)
  await pool.query(`CREATE CONSTRAINT TRIGGER acting AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION act()`)
  const creating = pool.commit({ text: "INSERT INTO things VALUES ('a')" })
  await expect(creating).rejects.toBeInstanceOf(CommitUnknownError)
  await eventually(async () => (await pool.query('SELECT 1 AS one')).rows[0]?.one === 1)
})

test('a statement that cannot reach the server was not committed', async () => {
  await using pool = openPool({ ...options, url: 'postgres://nobody@127.0.0.1:1/nothing' })
  const failure = await pool.commit({ text: 'SELECT 1' }).catch((error: unknown) => error)
  expect(failure).not.toBeInstanceOf(CommitUnknownError)
  expect(failure).toMatchObject({ code: 'ECONNREFUSED' })
})

test('a pool knows when the server last answered it, be it by an error, and in a transaction too', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  expect(pool.answeredAtMs()).toBe(Number.NEGATIVE_INFINITY)
  let askedAtMs = performance.now()
  await pool.query('SELECT 1')
  expect(pool.answeredAtMs()).toBeGreaterThan(askedAtMs)
  askedAtMs = performance.now()
  await expect(pool.query('SELECT nothing')).rejects.toThrow()
  expect(pool.answeredAtMs()).toBeGreaterThan(askedAtMs)
  await pool.transaction(async (transaction) => {
    askedAtMs = performance.now()
    await transaction.query('SELECT 1')
    expect(pool.answeredAtMs()).toBeGreaterThan(askedAtMs)
  })
})

test('of several hosts the writable one is found, whatever their order', async () => {
  await using database = await testDatabase()
  const [primary = ''] = hostsOf(database.url)
  const replicas = database.replicaUrls.flatMap((url) => hostsOf(url))
  await using pool = openPool({
    ...options,
    url: withHost(database.url, [...replicas, '127.0.0.1:1', primary].join(',')),
  })
  const { rows } = await pool.query('SELECT pg_is_in_recovery() AS replica')
  expect(rows).toEqual([{ replica: false }])
})

test('a statement that takes too long is ended', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url, statementTimeoutMs: 100 })
  await expect(pool.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' })
})

test('the state of a pool that nobody uses is found out by asking for it', async () => {
  await using database = await testDatabase()
  await using pool = openPool({ ...options, url: database.url })
  expect(pool.state()).toBe('not tried yet')
  await eventually(() => pool.state() === 'up')
})

test('a primary that stays writable after another was promoted is left, without an error to point at it', async () => {
  await using cluster = await startOwnPostgres()
  const urls = cluster.memberUrls
  await using pool = openPool({
    ...options,
    url: withHost(urls[0] ?? '', urls.flatMap((url) => hostsOf(url)).join(',')),
  })
  const port = async () => (await pool.query('SELECT inet_server_port() AS port')).rows[0]?.port
  const before = await port()
  await runOnce(urls[1] ?? '', 'SELECT pg_promote()')
  await eventually(async () => (await port()) !== before, { withinMs: 20_000, everyMs: 200 })
})

test('a session on a primary that another one supersedes ends, idle or not, and the next one is on the new primary', async () => {
  await using cluster = await startOwnPostgres()
  const urls = cluster.memberUrls
  await using pool = openPool({
    ...options,
    statementTimeoutMs: 60_000,
    url: withHost(urls[0] ?? '', urls.flatMap((url) => hostsOf(url)).join(',')),
  })
  const portOf = async (session: Session) =>
    (await session.query('SELECT inet_server_port() AS port')).rows[0]?.port
  // All that the pool may have: it has none left to ask with itself.
  const idle = await pool.session()
  const busy = await pool.session()
  const before = await portOf(idle)
  const ended = expect(busy.query('SELECT pg_sleep(50)')).rejects.toThrow(/terminated|closed/)
  await runOnce(urls[1] ?? '', 'SELECT pg_promote()')
  await ended
  await expect(portOf(idle)).rejects.toThrow(/closed/)
  for (const session of [idle, busy]) session.raw.release(true)
  using after = await pool.session()
  expect(await portOf(after)).not.toBe(before)
}, 60_000)
