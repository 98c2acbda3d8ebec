/** Where a read of statistics goes: a replica that follows closely, else the primary, else the best that there is. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isConnectionError, type Pool, type Query } from '@linkfleet/runtime/postgres'
import { createSourceRest } from '../../domain/statistics/source-rest.ts'
import type { Events } from '../../events.ts'

export interface FreshReadOptions {
  readonly replicas: readonly Pool[]
  readonly primary: Pool
  readonly events: Events
  readonly now: () => number
}

/** A replica that shows counts this much older than now is passed over while another one does better. */
const staleMsMax = 10_000
/** A replica that failed is left alone for so long. */
const restMs = 5_000

export type Dated = Record<string, unknown> & { as_of_ms: number | null }
export type ReadOne = <R extends Dated>(query: Query) => Promise<R>

/** Asks the replicas in turn, then the primary. A stale replica's answer is used only when the primary is away. */
export function createFreshRead(options: FreshReadOptions): ReadOne {
  const { replicas, primary, events, now } = options
  const rest = createSourceRest<Pool>(restMs)
  let turn = 0

  async function tryRead<R extends Dated>(pool: Pool, source: string, query: Query): Promise<R | undefined> {
    try {
      const { rows } = await pool.query<R>(query)
      rest.succeeded(pool)
      return rows[0]
    } catch (cause) {
      if (!isTransient(cause)) {
        rest.succeeded(pool)
        throw cause
      }
      rest.failed(pool, now())
      events.statsReadFailed(source, cause)
      return undefined
    }
  }

  return async <R extends Dated>(query: Query): Promise<R> => {
    turn++
    let stale: R | undefined
    for (let index = 0; index < replicas.length; index++) {
      const replica = replicas[(turn + index) % replicas.length] as Pool
      if (!rest.mayAsk(replica, now())) continue
      const row = await tryRead<R>(replica, 'replica', query)
      if (row === undefined) continue
      if (row.as_of_ms !== null && now() - row.as_of_ms <= staleMsMax) {
        events.statsRead('replica')
        return row
      }
      stale ??= row
    }
    const row = await tryRead<R>(primary, 'primary', query)
    if (row === undefined && stale === undefined) {
      events.statsUnavailable()
      throw new LinkfleetError('unavailable', 'Statistics cannot be read right now.', {
        retryAfterSeconds: 2,
      })
    }
    events.statsRead(row === undefined ? 'replica' : 'primary')
    return (row ?? stale) as R
  }
}

/** 57014: the statement took too long; 40001: a replica cancelled it to apply its primary's changes. */
function isTransient(cause: unknown): boolean {
  const { code } = cause as { code?: unknown }
  return isConnectionError(cause) || code === '57014' || code === '40001'
}
