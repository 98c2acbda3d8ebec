/**
 * Statistics from Postgres. All parts of one answer come from one statement, so they are of one snapshot and carry
 * its `asOf`. Replicas are asked first; the primary answers when none does.
 */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isConnectionError, type Pool, type Query } from '@linkfleet/runtime/postgres'
import { readRecentClicks } from '../domain/recent-clicks.ts'
import { grainsSeconds } from '../domain/rollup.ts'
import { type StatsRange, wholeDays } from '../domain/stats-range.ts'
import { traitIds } from '../domain/traits.ts'
import type { Events } from '../events.ts'
import type {
  FleetStats,
  LinkKey,
  LinkStats,
  ReasonCount,
  SeriesPoint,
  StatsReader,
  Totals,
  TraitCount,
} from '../ports.ts'
import { filteredText, fleetText, linkInBucketsText, linkText, topText, totalsText } from './stats-queries.ts'

export interface StatsReaderOptions {
  readonly replicas: readonly Pool[]
  readonly primary: Pool
  readonly events: Events
  readonly now: () => number
}

/** A replica that shows counts this much older than now is passed over while another one does better. */
const staleMsMax = 10_000
/** A replica that failed is left alone for so long. */
const restMs = 2_000

type Numbers = readonly [number, number, number]

interface LinkRow extends Record<string, unknown> {
  counts: LinkStats['counts'] | null
  series: Numbers[]
  traits: [number, string, number, number][]
  days: Totals
  visitors: number
  recent: string[] | null
  orphans: ReasonCount[]
  as_of_ms: number | null
}

interface FilteredRow extends Record<string, unknown> {
  known: boolean
  series: Numbers[]
  as_of_ms: number | null
}

interface FleetRow extends Record<string, unknown> {
  counts: Totals & { orphans: number }
  series: Numbers[]
  orphans: ReasonCount[]
  as_of_ms: number | null
}

type LinkTotals = [number, string, number, number]

interface TotalsRow extends Record<string, unknown> {
  totals: LinkTotals[]
  as_of_ms: number | null
}

interface TopRow extends Record<string, unknown> {
  links: LinkTotals[]
  as_of_ms: number | null
}

export function openStatsReaderPg(options: StatsReaderOptions): StatsReader {
  const readOne = createFreshRead(options)
  return {
    link: (key, range) => readLink(readOne, key, range),
    async filtered(key, range, filter) {
      const row = await readOne<FilteredRow>({
        name: 'filtered-stats',
        text: filteredText,
        values: [key.domainId, key.code, range.fromMs, range.toMs, traitIds[filter.dimension], filter.value],
      })
      return { isKnown: row.known, series: row.series.map(toPoint), asOfMs: row.as_of_ms }
    },
    async fleet(range: StatsRange): Promise<FleetStats> {
      const days = wholeDays(range)
      const row = await readOne<FleetRow>({
        name: 'fleet-stats',
        text: fleetText,
        values: [
          grainsSeconds[range.readGrain],
          range.fromMs,
          range.toMs,
          range.starts,
          days.fromMs,
          days.toMs,
        ],
      })
      return {
        ...row.counts,
        series: row.series.map(toPoint),
        orphanReasons: row.orphans,
        asOfMs: row.as_of_ms,
      }
    },
    async totals(keys: readonly LinkKey[]) {
      const row = await readOne<TotalsRow>({
        name: 'totals',
        text: totalsText,
        values: [keys.map((key) => key.domainId), keys.map((key) => key.code)],
      })
      return { totals: row.totals.map(toLinkTotals), asOfMs: row.as_of_ms }
    },
    async top(range, linksMax) {
      const row = await readOne<TopRow>({
        name: 'top-links',
        text: topText,
        values: [range.fromMs, range.toMs, linksMax],
      })
      return { links: row.links.map(toLinkTotals), asOfMs: row.as_of_ms }
    },
  }
}

async function readLink(readOne: ReadOne, key: LinkKey, range: StatsRange): Promise<LinkStats> {
  const days = wholeDays(range)
  const values: unknown[] = [key.domainId, key.code, grainsSeconds[range.readGrain], range.fromMs, range.toMs]
  values.push(days.fromMs, days.toMs)
  const row = await readOne<LinkRow>(
    range.readGrain === range.grain
      ? { name: 'link-stats', text: linkText, values }
      : { name: 'link-stats-in-buckets', text: linkInBucketsText, values: [...values, range.starts] },
  )
  return {
    counts: row.counts ?? undefined,
    series: row.series.map(toPoint),
    traits: row.traits.map(([trait, value, humans, bots]): TraitCount => ({ trait, value, humans, bots })),
    days: row.days,
    visitors: row.visitors,
    recent: readRecentClicks(row.recent ?? []),
    orphanReasons: row.orphans,
    asOfMs: row.as_of_ms,
  }
}

function toLinkTotals([domainId, code, humans, bots]: LinkTotals): LinkKey & Totals {
  return { domainId, code, humans, bots }
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
