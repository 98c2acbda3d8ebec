/**
 * Drops what outlived its retention, a bounded number of rows at a time so that no lock and no transaction is long.
 * Any number of instances may prune at once.
 */
import { sleep } from '@linkfleet/runtime/backoff'
import type { Pool } from '@linkfleet/runtime/postgres'
import { dayMs, grainsSeconds } from '../../domain/grains.ts'
import { markRetentionMs } from '../../domain/marks.ts'
import { keptFromMs, type Retention } from '../../domain/statistics/stats-range.ts'
import type { Events } from '../../events.ts'
import type { VisitorSaltKeeper } from '../../ports.ts'

export interface PrunerOptions {
  readonly pool: Pool
  readonly retention: Retention
  readonly salts: VisitorSaltKeeper
  readonly events: Events
  readonly now: () => number
}

const everyMs = 10 * 60_000
const rowsMax = 5_000
/** Clicks older than this are no longer recent. */
const recentRetentionMs = 90 * dayMs

interface Rule {
  readonly table: string
  readonly condition: string
  readonly keptMs: number
}

function rulesOf(retention: Retention): Rule[] {
  return [
    { table: 'marks', condition: 'applied_at < $1', keptMs: markRetentionMs },
    { table: 'dead_letters', condition: 'set_aside_at < $1', keptMs: markRetentionMs },
    { table: 'recent_clicks', condition: 'newest_at < $1', keptMs: recentRetentionMs },
    {
      table: 'top_days',
      condition: "day < ($1::timestamptz AT TIME ZONE 'UTC')::date",
      keptMs: retention.hourDays * dayMs,
    },
    { table: 'series_minute', condition: 'start_at < $1', keptMs: retention.minuteDays * dayMs },
    { table: 'series_hour', condition: 'start_at < $1', keptMs: retention.hourDays * dayMs },
    {
      table: 'fleet_series',
      condition: `grain_seconds = ${grainsSeconds.minute} AND start_at < $1`,
      keptMs: retention.minuteDays * dayMs,
    },
    {
      table: 'fleet_series',
      condition: `grain_seconds = ${grainsSeconds.hour} AND start_at < $1`,
      keptMs: retention.hourDays * dayMs,
    },
  ]
}

/** Deletes at most `rowsMax` rows of each table and tells how many went. Series keep the whole day at their edge. */
export async function pruneOnce(
  pool: Pool,
  retention: Retention,
  nowMs: number,
): Promise<Record<string, number>> {
  const pruned: Record<string, number> = {}
  for (const { table, condition, keptMs } of rulesOf(retention)) {
    const { rowCount } = await pool.query({
      text: `DELETE FROM clicks.${table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM clicks.${table} WHERE ${condition} LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED))`,
      values: [new Date(keptFromMs(keptMs, nowMs))],
    })
    if (rowCount > 0) pruned[table] = (pruned[table] ?? 0) + rowCount
  }
  return pruned
}

/** Prunes now and every ten minutes; at once again while there is more. */
export function startPruner(options: PrunerOptions): AsyncDisposable {
  const stopping = new AbortController()
  const finished = keepPruning(options, stopping.signal)
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await finished
    },
  }
}

async function keepPruning(options: PrunerOptions, stopping: AbortSignal): Promise<void> {
  const { pool, retention, salts, events, now } = options
  while (!stopping.aborted) {
    let isMore = false
    try {
      const destroyed = await salts.destroyPast(now())
      if (destroyed > 0) events.pruned({ visitor_salts: destroyed })
      const pruned = await pruneOnce(pool, retention, now())
      if (Object.keys(pruned).length > 0) events.pruned(pruned)
      isMore = Object.values(pruned).some((rows) => rows >= rowsMax)
    } catch (cause) {
      events.pruneFailed(cause)
    }
    await sleep(isMore ? 100 : everyMs, stopping)
  }
}
