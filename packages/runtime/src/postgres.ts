/**
 * Postgres, behind one door: bounded pools, connect and statement timeouts, transactions, and, where a URL names
 * several hosts, the one that is the primary now.
 */
import pg from 'pg'
import type { Logger } from './log.ts'
import { CommitUnknownError, committed, isConnectionError, isOfServer } from './postgres-errors.ts'
import { hostsOf, type PrimaryFinder, primaryFinder } from './postgres-primary.ts'
import { LentSessions } from './postgres-sessions.ts'

export { CommitUnknownError, isConnectionError } from './postgres-errors.ts'

export type Row = Record<string, unknown>

export interface Query {
  /** With a name, the statement is prepared once for each connection. */
  readonly name?: string
  readonly text: string
  readonly values?: readonly unknown[]
}

export interface Result<R> {
  readonly rows: R[]
  readonly rowCount: number
}

/** What a statement can be sent to: the pool, or the one connection of a transaction. */
export interface Queryable {
  query<R extends Row = Row>(query: Query | string): Promise<Result<R>>
}

export interface Transaction extends Queryable {
  /** Notices that the server sent on this connection, SQLSTATE first: 01000 on COMMIT means an unknown outcome. */
  readonly notices: readonly { readonly code: string; readonly message: string }[]
}

export interface Pool extends Queryable, AsyncDisposable {
  /**
   * Runs `work` in one transaction and commits it. When `work` throws, it is rolled back and the error passed on.
   * When the answer to COMMIT is lost, throws CommitUnknownError.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, begin?: string): Promise<T>
  /**
   * Runs a statement as a transaction of its own, in one round trip. The commit is part of it: whenever its answer is
   * lost, throws CommitUnknownError.
   */
  commit<R extends Row = Row>(query: Query): Promise<Result<R>>
  /**
   * A connection for exclusive, longer use (LISTEN, advisory locks). It counts against `max`; dispose gives it back. It ends
   * when another host has become the primary: what is locked on a superseded one is locked for nobody.
   */
  session(): Promise<Session>
  /** When the server last answered a statement, of performance.now(), be it by an error; -Infinity before the first. */
  answeredAtMs(): number
  /** 'up' after an answer, else what went wrong last. Never older than 5 s and a look: an idle pool looks itself. */
  state(): string
}

export interface Session extends Queryable, Disposable {
  readonly raw: pg.PoolClient
}

export interface PoolOptions {
  /** One URL; it may name several hosts (`postgres://u:p@h1:1,h2:2/db`), of which the primary is found and followed. */
  readonly url: string
  /** Shown in pg_stat_activity. */
  readonly name: string
  readonly maxConnections: number
  readonly statementTimeoutMs: number
  /** How long a caller waits for a connection: for a free one of the pool, or for a new one to be made. */
  readonly connectTimeoutMs: number
  readonly log: Logger
}

// int8 as number: every bigint of ours stays below 2^53.
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => parserOf(oid, format),
} as pg.CustomTypesConfig
const int8Oid = 20

function parserOf(oid: number, format?: 'text' | 'binary') {
  if (oid === int8Oid && format !== 'binary') return (value: string) => Number(value)
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text')
}

function poolConfig(options: PoolOptions, connectionString: string): pg.PoolConfig {
  return {
    connectionString,
    types,
    max: options.maxConnections,
    application_name: options.name,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    // The client gives up a little after the server should have: a frozen server never answers.
    query_timeout: options.statementTimeoutMs + 500,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  }
}

const stateKnownForMs = 5_000

interface OpenPool {
  readonly name: string
  counts(): { readonly used: number; readonly idle: number; readonly waiting: number }
}

const open = new Set<OpenPool>()

/** The pools of this process that are not disposed of. */
export const openPools = (): Iterable<OpenPool> => open

/** Opens nothing yet: connections are made when needed, so a service starts with Postgres away. */
export function openPool(options: PoolOptions): Pool {
  const pools = new Map<string, pg.Pool>()
  const sessions = new LentSessions()
  const finder: PrimaryFinder | undefined =
    hostsOf(options.url).length > 1 ? primaryFinder(options.url, options.connectTimeoutMs) : undefined
  let state = 'not tried yet'
  let knownAtMs = Number.NEGATIVE_INFINITY
  let answeredAtMs = Number.NEGATIVE_INFINITY

  /** Notes the moment of an answer; what the client says by itself is none. */
  async function heard<T>(answer: Promise<T>): Promise<T> {
    try {
      const result = await answer
      answeredAtMs = performance.now()
      return result
    } catch (error) {
      if (isOfServer(error)) answeredAtMs = performance.now()
      throw error
    }
  }

  function poolOf(connectionString: string): pg.Pool {
    let pool = pools.get(connectionString)
    if (pool === undefined) {
      pool = new pg.Pool(poolConfig(options, connectionString))
      pool.on('error', (error) =>
        options.log.warn({ err: error, pool: options.name }, 'idle connection lost'),
      )
      // A connection that is lost while it is in use tells its statement so, and this event too: without a
      // listener the event would end the process.
      pool.on('connect', (client) => client.on('error', () => {}))
      pools.set(connectionString, pool)
    }
    return pool
  }

  async function current(): Promise<pg.Pool> {
    if (finder === undefined) return poolOf(options.url)
    const primary = await finder.find()
    for (const [connectionString, superseded] of pools) {
      if (connectionString === primary) continue
      pools.delete(connectionString)
      superseded.end().catch(() => {})
      sessions.endThoseOf(superseded)
    }
    return poolOf(primary)
  }

  async function watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      state = 'up'
      knownAtMs = performance.now()
      return result
    } catch (error) {
      if (isConnectionError(error)) {
        state = (error as Error).message
        knownAtMs = performance.now()
        finder?.forget()
      }
      throw error
    }
  }

  const told: OpenPool = {
    name: options.name,
    counts() {
      const all = [...pools.values()]
      const sum = (of: (pool: pg.Pool) => number) => all.reduce((total, pool) => total + of(pool), 0)
      const idle = sum((pool) => pool.idleCount)
      return { used: sum((pool) => pool.totalCount) - idle, idle, waiting: sum((pool) => pool.waitingCount) }
    },
  }
  open.add(told)

  const looking = setInterval(() => {
    if (performance.now() - knownAtMs < stateKnownForMs) return
    knownAtMs = performance.now()
    look().catch(() => {})
  }, stateKnownForMs / 2).unref()

  /** A pool whose connections are all lent for long has nothing to ask with; their holders learn what is wrong. */
  async function look(): Promise<void> {
    const isLent = [...pools.values()].some(
      (pool) => pool.totalCount >= options.maxConnections && pool.idleCount === 0,
    )
    // Whether another host is the primary now is asked with connections of its own.
    if (isLent) await current()
    else await watched(async () => await (await current()).query('SELECT 1'))
  }

  return {
    query: (query) => watched(async () => toResult(await heard((await current()).query(toPgQuery(query))))),
    transaction: (work, begin = 'BEGIN') =>
      watched(async () => runTransaction(await (await current()).connect(), work, begin, heard)),
    commit: (query) => watched(async () => runAlone(await (await current()).connect(), query, heard)),
    async session() {
      const { client, giveBack } = await watched(async () => await sessions.lend(await current()))
      return {
        raw: client,
        query: async (query) => toResult(await client.query(toPgQuery(query))),
        [Symbol.dispose]: giveBack,
      }
    },
    answeredAtMs: () => answeredAtMs,
    state: () => state,
    async [Symbol.asyncDispose]() {
      clearInterval(looking)
      open.delete(told)
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}

function toPgQuery(query: Query | string): pg.QueryConfig {
  if (typeof query === 'string') return { text: query }
  return { ...query, values: query.values === undefined ? [] : [...query.values] }
}

function toResult<R>(result: pg.QueryResult): Result<R> {
  return { rows: result.rows as R[], rowCount: result.rowCount ?? 0 }
}

type Heard = <A>(answer: Promise<A>) => Promise<A>
type Notice = Transaction['notices'][number]

/** Lends a connection, and gives it back: for good, unless it broke. */
async function lend<T>(
  client: pg.PoolClient,
  work: (notices: readonly Notice[], broke: (error: Error) => void) => Promise<T>,
): Promise<T> {
  const notices: Notice[] = []
  const onNotice = ({
    code = '',
    message = '',
  }: {
    code?: string | undefined
    message?: string | undefined
  }) => notices.push({ code, message })
  client.on('notice', onNotice)
  let broken: Error | undefined
  const broke = (error: Error) => {
    broken = error
  }
  try {
    const result = await work(notices, broke)
    const cancelled = notices.find(({ code }) => code === '01000')
    if (cancelled !== undefined) throw new CommitUnknownError(new Error(cancelled.message))
    return result
  } catch (error) {
    if (isConnectionError(error)) broke(error as Error)
    throw error
  } finally {
    client.off('notice', onNotice)
    client.release(broken)
  }
}

async function runTransaction<T>(
  client: pg.PoolClient,
  work: (transaction: Transaction) => Promise<T>,
  begin: string,
  heard: Heard,
): Promise<T> {
  return await lend(client, async (notices, broke) => {
    try {
      await heard(client.query(begin))
      const result = await work({
        notices,
        query: async (query) => toResult(await heard(client.query(toPgQuery(query)))),
      })
      await committed(client.query('COMMIT'))
      return result
    } catch (error) {
      if (!isConnectionError(error)) await client.query('ROLLBACK').catch(broke)
      throw error
    }
  })
}

async function runAlone<R>(client: pg.PoolClient, query: Query, heard: Heard): Promise<Result<R>> {
  return await lend(client, async () => toResult<R>(await committed(heard(client.query(toPgQuery(query))))))
}
