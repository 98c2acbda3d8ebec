/**
 * Postgres, behind one door: bounded pools, connect and statement timeouts, transactions, and, where a URL names
 * several hosts, the one that is the primary now.
 */
import pg from 'pg'
import type { Logger } from './log.ts'
import { hostsOf, type PrimaryFinder, primaryFinder } from './postgres-primary.ts'

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
  /** A connection for exclusive, longer use (LISTEN, advisory locks). It counts against `max`; dispose gives it back. */
  session(): Promise<Session>
  /** When the server last answered a statement, of performance.now(), be it by an error; -Infinity before the first. */
  answeredAtMs(): number
  /** 'up' after an answer, else what went wrong last. Never older than 5 s and a look: an idle pool looks itself. */
  state(): string
}

export interface Session extends Queryable, Disposable {
  readonly raw: pg.PoolClient
}

/** COMMIT was sent and its answer never came: the transaction may or may not have taken effect. */
export class CommitUnknownError extends Error {
  constructor(cause: unknown) {
    super('It is not known whether the transaction was committed.', { cause })
    this.name = 'CommitUnknownError'
  }
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
    if (!isLent) await watched(async () => await (await current()).query('SELECT 1'))
  }

  return {
    query: (query) => watched(async () => toResult(await heard((await current()).query(toPgQuery(query))))),
    transaction: (work, begin = 'BEGIN') =>
      watched(async () => runTransaction(await (await current()).connect(), work, begin, heard)),
    async session() {
      const client = await watched(async () => await (await current()).connect())
      return {
        raw: client,
        query: async (query) => toResult(await client.query(toPgQuery(query))),
        [Symbol.dispose]: () => client.release(),
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

async function runTransaction<T>(
  client: pg.PoolClient,
  work: (transaction: Transaction) => Promise<T>,
  begin: string,
  heard: <A>(answer: Promise<A>) => Promise<A>,
): Promise<T> {
  const notices: { code: string; message: string }[] = []
  const onNotice = (notice: { code?: string | undefined; message?: string | undefined }) =>
    notices.push({ code: notice.code ?? '', message: notice.message ?? '' })
  client.on('notice', onNotice)
  let broken: Error | undefined
  try {
    await heard(client.query(begin))
    const result = await work({
      notices,
      query: async (query) => toResult(await heard(client.query(toPgQuery(query)))),
    })
    await commit(client)
    if (notices.some((notice) => notice.code === '01000'))
      throw new CommitUnknownError(new Error(notices[0]?.message))
    return result
  } catch (error) {
    if (error instanceof CommitUnknownError || isConnectionError(error)) broken = error as Error
    else
      await client.query('ROLLBACK').catch((cause: Error) => {
        broken = cause
      })
    throw error
  } finally {
    client.off('notice', onNotice)
    client.release(broken)
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('COMMIT')
  } catch (error) {
    // An error with a SQLSTATE of the server's own is a refusal (a deferred constraint): nothing was committed.
    // Without one, or when the server is shutting down (57P…), the answer was lost.
    const { code } = error as { code?: string }
    const isRefused = isOfServer(error) && !code?.startsWith('57P') && !code?.startsWith('08')
    if (isRefused) throw error
    throw new CommitUnknownError(error)
  }
}

// 08: connection, 28: login refused, 57P: the server stops, starts or recovers. 25006: it is read only, so no longer,
// or not yet, the primary. 3D000: no such database (yet). 53300: too many connections.
const connectionSqlStates = /^(08|28|57P|25006|3D000|53300)/

/** Whether the server itself told of the error: by a SQLSTATE. None begins with E, as the system's own (EPIPE) do. */
function isOfServer(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code)
}

/** Whether an error speaks of the connection or the server, not of the statement. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof CommitUnknownError) return true
  const { code, message } = error as { code?: unknown; message?: string }
  if (typeof code === 'string' && connectionSqlStates.test(code)) return true
  if (typeof code === 'string' && /^E[A-Z]{3,}/.test(code)) return true
  return /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable/i.test(
    message ?? '',
  )
}
