/**
 * Statistics from Postgres. All parts of one answer come from one statement, so they are of one snapshot and carry
 * its `asOf`. Replicas are asked first; the primary answers when none does.
 */
import { grainsSeconds } from '../../domain/grains.ts'
import { readRecentClicks } from '../../domain/recent-clicks.ts'
import { type StatsRange, wholeDays } from '../../domain/statistics/stats-range.ts'
import { traitIds } from '../../domain/traits.ts'
import type {
  FleetStats,
  LinkKey,
  LinkStats,
  ReasonCount,
  SeriesPoint,
  StatsReader,
  Totals,
  TraitCount,
} from '../../ports.ts'
import { createFreshRead, type FreshReadOptions, type ReadOne } from './fresh-read.ts'
import {
  filteredText,
  fleetText,
  linkInBucketsText,
  linkText,
  liveText,
  topText,
  totalsText,
} from './stats-queries.ts'

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
  counts: Totals
  series: Numbers[]
  orphans: ReasonCount[]
  as_of_ms: number | null
}

type LinkTotals = [number, string, number, number]

interface TotalsRow extends Record<string, unknown> {
  totals: LinkTotals[]
  as_of_ms: number | null
}

interface LiveRow extends TotalsRow {
  fleet: Totals | null
}

interface TopRow extends Record<string, unknown> {
  links: LinkTotals[]
  as_of_ms: number | null
}

export function openStatsReaderPg(options: FreshReadOptions): StatsReader {
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
    async live(keys, hasFleet) {
      const row = await readOne<LiveRow>({
        name: 'live-totals',
        text: liveText,
        values: [keys.map((key) => key.domainId), keys.map((key) => key.code), hasFleet],
      })
      return { totals: row.totals.map(toLinkTotals), fleet: row.fleet ?? undefined, asOfMs: row.as_of_ms }
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
