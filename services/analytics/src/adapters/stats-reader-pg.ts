/**
 * Statistics from Postgres. All parts of one answer come from one statement, so they are of one snapshot and carry
 * its `asOf`. Replicas are asked first; the primary answers when none does.
 */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isConnectionError, type Pool, type Query } from '@linkfleet/runtime/postgres'
import { grainsSeconds } from '../domain/rollup.ts'
import type { Events } from '../events.ts'
import type {
  FleetStats,
  LinkKey,
  LinkStats,
  RangeQuery,
  SeriesPoint,
  StatsReader,
  Totals,
  TraitCount,
} from '../ports.ts'

export interface StatsReaderOptions {
  readonly replicas: readonly Pool[]
  readonly primary: Pool
  readonly events: Events
  readonly now: () => number
}

/** The most frequent values of a trait that one answer names; the others are part of its unnamed rest. */
const traitValuesMax = 50
/** A replica that shows counts this much older than now is passed over while another one does better. */
const staleMsMax = 10_000
/** A replica that failed is left alone for so long. */
const restMs = 2_000

const asOfText = `(SELECT (extract(epoch FROM min(caught_up_at)) * 1000)::bigint FROM clicks.progress)`
const epochMs = (column: string) => `(extract(epoch FROM ${column}) * 1000)::bigint`

const linkText = `SELECT
  (SELECT json_build_object('humans', humans, 'bots', bots, 'orphans', orphans,
      'firstClickAtMs', ${epochMs('first_click_at')}, 'lastClickAtMs', ${epochMs('last_click_at')})
    FROM clicks.totals WHERE domain_id = $1 AND code = $2) AS counts,
  (SELECT coalesce(json_agg(json_build_array(${epochMs('start_at')}, humans, bots)), '[]')
    FROM clicks.series WHERE domain_id = $1 AND code = $2 AND grain_seconds = $3
      AND start_at >= to_timestamp($4 / 1000.0) AND start_at < to_timestamp($5 / 1000.0)) AS series,
  (SELECT coalesce(json_agg(json_build_array(trait, value, humans, bots)), '[]') FROM (
    SELECT trait, value, sum(humans) AS humans, sum(bots) AS bots,
      row_number() OVER (PARTITION BY trait ORDER BY sum(humans) + sum(bots) DESC, value) AS place
    FROM clicks.trait_days WHERE domain_id = $1 AND code = $2
      AND day >= (to_timestamp($6 / 1000.0) AT TIME ZONE 'UTC')::date
      AND day < (to_timestamp($7 / 1000.0) AT TIME ZONE 'UTC')::date
    GROUP BY trait, value) AS ranked WHERE place <= ${traitValuesMax}) AS traits,
  (SELECT json_build_object('humans', coalesce(sum(humans), 0), 'bots', coalesce(sum(bots), 0))
    FROM clicks.series WHERE domain_id = $1 AND code = $2 AND grain_seconds = ${grainsSeconds.day}
      AND start_at >= to_timestamp($6 / 1000.0) AND start_at < to_timestamp($7 / 1000.0)) AS days,
  ${asOfText} AS as_of_ms`

const fleetText = `SELECT
  (SELECT json_build_object('humans', coalesce(sum(humans), 0), 'bots', coalesce(sum(bots), 0),
      'orphans', coalesce(sum(orphans), 0)) FROM clicks.fleet_series WHERE grain_seconds = 0) AS counts,
  (SELECT coalesce(json_agg(json_build_array(start_ms, humans, bots)), '[]') FROM (
    SELECT ${epochMs('start_at')} AS start_ms, sum(humans) AS humans, sum(bots) AS bots
    FROM clicks.fleet_series WHERE grain_seconds = $1
      AND start_at >= to_timestamp($2 / 1000.0) AND start_at < to_timestamp($3 / 1000.0)
    GROUP BY start_at) AS summed) AS series,
  ${asOfText} AS as_of_ms`

const totalsText = `SELECT
  (SELECT coalesce(json_agg(json_build_array(domain_id, code, humans, bots)), '[]')
    FROM unnest($1::int[], $2::text[]) AS asked(domain_id, code) JOIN clicks.totals USING (domain_id, code)) AS totals,
  ${asOfText} AS as_of_ms`

type Numbers = readonly [number, number, number]

interface LinkRow extends Record<string, unknown> {
  counts: LinkStats['counts'] | null
  series: Numbers[]
  traits: [number, string, number, number][]
  days: Totals
  as_of_ms: number | null
}

interface FleetRow extends Record<string, unknown> {
  counts: Totals & { orphans: number }
  series: Numbers[]
  as_of_ms: number | null
}

interface TotalsRow extends Record<string, unknown> {
  totals: [number, string, number, number][]
  as_of_ms: number | null
}

export function openStatsReaderPg(options: StatsReaderOptions): StatsReader {
  const readOne = createFreshRead(options)
  return {
    async link(key: LinkKey, range: RangeQuery): Promise<LinkStats> {
      const dayMs = grainsSeconds.day * 1000
      const row = await readOne<LinkRow>({
        name: 'link-stats',
        text: linkText,
        values: [
          key.domainId,
          key.code,
          grainsSeconds[range.grain],
          range.fromMs,
          range.toMs,
          Math.floor(range.fromMs / dayMs) * dayMs,
          Math.ceil(range.toMs / dayMs) * dayMs,
        ],
      })
      return {
        counts: row.counts ?? undefined,
        series: row.series.map(toPoint),
        traits: row.traits.map(
          ([trait, value, humans, bots]): TraitCount => ({ trait, value, humans, bots }),
        ),
        days: row.days,
        asOfMs: row.as_of_ms,
      }
    },
    async fleet(range: RangeQuery): Promise<FleetStats> {
      const row = await readOne<FleetRow>({
        name: 'fleet-stats',
        text: fleetText,
        values: [grainsSeconds[range.grain], range.fromMs, range.toMs],
      })
      return { ...row.counts, series: row.series.map(toPoint), asOfMs: row.as_of_ms }
    },
    async totals(keys: readonly LinkKey[]) {
      const row = await readOne<TotalsRow>({
        name: 'totals',
        text: totalsText,
        values: [keys.map((key) => key.domainId), keys.map((key) => key.code)],
      })
      const totals = row.totals.map(([domainId, code, humans, bots]) => ({ domainId, code, humans, bots }))
      return { totals, asOfMs: row.as_of_ms }
    },
  }
}

function toPoint([startMs, humans, bots]: Numbers): SeriesPoint {
  return { startMs, humans, bots }
}

type Dated = Record<string, unknown> & { as_of_ms: number | null }
type ReadOne = <R extends Dated>(query: Query) => Promise<R>

/** Asks the replicas in turn, then the primary. A stale replica's answer is used only when the primary is away. */
function createFreshRead(options: StatsReaderOptions): ReadOne {
  const { replicas, primary, events, now } = options
  const restingUntilMs = new Map<Pool, number>()
  let turn = 0

  async function tryRead<R extends Dated>(pool: Pool, source: string, query: Query): Promise<R | undefined> {
    try {
      return (await pool.query<R>(query)).rows[0]
    } catch (cause) {
      if (!isTransient(cause)) throw cause
      restingUntilMs.set(pool, now() + restMs)
      events.statsReadFailed(source, cause)
      return undefined
    }
  }

  return async <R extends Dated>(query: Query): Promise<R> => {
    turn++
    let stale: R | undefined
    for (let index = 0; index < replicas.length; index++) {
      const replica = replicas[(turn + index) % replicas.length] as Pool
      if ((restingUntilMs.get(replica) ?? 0) > now()) continue
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
