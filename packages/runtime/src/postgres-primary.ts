/**
 * Finds the primary among several hosts: the writable one with the highest timeline. Two may be writable for a
 * while after a failover; the one with the lower timeline is the superseded one.
 */
import pg from 'pg'
import { sleep } from './backoff.ts'

export interface PrimaryFinder {
  /** The connection string of the primary. Throws when no host is writable. */
  find(): Promise<string>
  /** The last answer is no longer trusted. */
  forget(): void
}

/** Each host of a URL, as `host:port`. */
export function hostsOf(url: string): string[] {
  const authority = /^[a-z]+:\/\/(?:[^@/]*@)?([^/?]*)/i.exec(url)?.[1] ?? ''
  return authority.split(',').filter((host) => host !== '')
}

/** The same URL with only `host`. */
export function withHost(url: string, host: string): string {
  return url.replace(/^([a-z]+:\/\/(?:[^@/]*@)?)[^/?]*/i, (_whole, before: string) => before + host)
}

const writableTimeline = `SELECT CASE WHEN pg_is_in_recovery() THEN NULL
  ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline`

async function timelineOf(connectionString: string, timeoutMs: number): Promise<number | null> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ timeline: number | null }>(writableTimeline)
    return rows[0]?.timeline ?? null
  } finally {
    await endWithin(client, timeoutMs)
  }
}

/** A server that answered and froze would never close its side, so the goodbye has a bound. */
async function endWithin(client: pg.Client, timeoutMs: number): Promise<void> {
  const ended = new AbortController()
  const ending = client.end().catch(() => {})
  await Promise.race([ending.then(() => ended.abort()), sleep(timeoutMs, ended.signal)])
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

/** An answer older than this is looked at again while it is used: a superseded primary may still be writable. */
const knownForMs = 5_000

/** One for each URL of a process: all its pools follow the same primary, at the same time. */
const finders = new Map<string, PrimaryFinder>()

export function primaryFinder(url: string, timeoutMs: number): PrimaryFinder {
  let finder = finders.get(url)
  if (finder === undefined) {
    finder = createPrimaryFinder(url, timeoutMs)
    finders.set(url, finder)
  }
  return finder
}

/** A finder of one's own; processes that serve share `primaryFinder`. */
export function createPrimaryFinder(url: string, timeoutMs: number): PrimaryFinder {
  const candidates = hostsOf(url).map((host) => withHost(url, host))
  let known: Promise<string> | undefined
  let knownAtMs = 0
  let searching = false

  async function search(): Promise<string> {
    const answers = await Promise.allSettled(candidates.map((candidate) => timelineOf(candidate, timeoutMs)))
    let best: { candidate: string; timeline: number } | undefined
    for (const [index, answer] of answers.entries()) {
      const candidate = candidates[index]
      if (candidate === undefined || answer.status === 'rejected' || answer.value === null) continue
      if (best === undefined || answer.value > best.timeline) best = { candidate, timeline: answer.value }
    }
    if (best === undefined)
      throw Object.assign(new Error('No Postgres host is writable.'), { code: 'ENOPRIMARY' })
    knownAtMs = performance.now()
    return best.candidate
  }

  /** Looks again without making anyone wait. When nobody answers, the errors of the callers tell. */
  async function look(): Promise<void> {
    searching = true
    try {
      known = Promise.resolve(await search())
    } catch {
      knownAtMs = performance.now()
    } finally {
      searching = false
    }
  }

  return {
    find() {
      if (known === undefined) {
        const first = search()
        known = first
        first.catch(() => {
          if (known === first) known = undefined
        })
      } else if (!searching && knownAtMs > 0 && performance.now() - knownAtMs > knownForMs) void look()
      return known
    },
    forget() {
      known = undefined
    },
  }
}
