// What each replica has replayed of the shards, asked of the replica itself: the primary's own view of its standbys
// would say nothing about one that is cut off and still promotable.

import type { Logger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import type { Place, StandbyReading, Standbys } from '../ports.ts'

type ReadingRow = {
  place: Place | null
  shard: number | null
  nextValue: number | null
  rowPlace: Place | null
}

// One row for each shard, or one row without a shard when there is none to ask for.
const selectShards = `
  SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE ids.place() END AS place,
    held.shard, held.next_value AS "nextValue", held.place AS "rowPlace"
  FROM (SELECT 1) AS once LEFT JOIN ids.shards AS held ON held.shard = ANY($1::int[])`

const ANSWER_TIMEOUT_MS = 400
/** A silent replica costs its timeout at each question, so it is not asked more often than this. */
const ASK_SILENT_EVERY_MS = 1_000

export interface StandbysPg extends Standbys, AsyncDisposable {
  state(): string
}

export function openStandbysPg(options: { urls: readonly string[]; log: Logger }): StandbysPg {
  const replicas = options.urls.map((url, index) => {
    const name = `id-generator-standby-${index + 1}`
    const timeouts = { statementTimeoutMs: ANSWER_TIMEOUT_MS, connectTimeoutMs: ANSWER_TIMEOUT_MS }
    return createReplica(openPool({ url, name, maxConnections: 1, ...timeouts, log: options.log }))
  })
  return {
    count: replicas.length,
    read: (shards) => Promise.all(replicas.map((replica) => replica.read(shards))),
    state: () =>
      replicas.length === 0 ? 'none configured' : replicas.map(({ pool }) => pool.state()).join(', '),
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map(({ pool }) => pool[Symbol.asyncDispose]()))
    },
  }
}

function createReplica(pool: Pool) {
  let silentUntilMs = Number.NEGATIVE_INFINITY

  async function read(shards: readonly number[]): Promise<StandbyReading> {
    if (performance.now() < silentUntilMs) return { kind: 'silent' }
    try {
      const { rows } = await pool.query<ReadingRow>({
        name: 'ids-standby',
        text: selectShards,
        values: [shards],
      })
      return toReading(rows)
    } catch {
      // Away, or so young that it has no schema yet: either way it has shown nothing.
      silentUntilMs = performance.now() + ASK_SILENT_EVERY_MS
      return { kind: 'silent' }
    }
  }

  return { pool, read }
}

function toReading(rows: readonly ReadingRow[]): StandbyReading {
  const place = rows[0]?.place
  if (place !== null && place !== undefined) return { kind: 'writable', place }
  const values = rows.flatMap(({ shard, nextValue, rowPlace }) =>
    shard === null || nextValue === null || rowPlace === null
      ? []
      : [[shard, { nextValue, place: rowPlace }] as const],
  )
  return { kind: 'standby', shards: new Map(values) }
}
