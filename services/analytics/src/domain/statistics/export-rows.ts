/** What an export holds, row by row; each row is small, and the next one is read when the one before has gone. */
import type { ExportedLink, ExportReader, LinkKey, LinkStats, Totals, TraitCount } from '../../ports.ts'
import { dayMs } from '../grains.ts'
import { type Trait, traitIds } from '../traits.ts'
import type { Cell } from './csv.ts'
import { fillSeries, type StatsRange, wholeDays } from './stats-range.ts'

export type Row = Readonly<Record<string, Cell>>

export const linkColumns = ['record', 'start', 'dimension', 'name', 'clicks', 'humans', 'bots'] as const
export const fleetColumns = [
  'code',
  'domain',
  'clicks',
  'humans',
  'bots',
  'total',
  'firstClickAt',
  'lastClickAt',
] as const

/** Links of one question. */
const pageLinks = 500
const traits = Object.entries(traitIds) as [Trait, number][]

const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

/**
 * The series, then each day of it by each dimension. The names of a dimension add up to the clicks of the day: what has
 * no name of its own has a row without one.
 */
export async function* linkRows(
  reader: ExportReader,
  key: LinkKey,
  range: StatsRange,
  stats: LinkStats,
): AsyncGenerator<Row> {
  for (const { startMs, humans, bots } of fillSeries(range, stats.series)) {
    yield rowOf('interval', startMs, null, null, { humans, bots })
  }
  const { fromMs, toMs } = wholeDays(range)
  for (let startMs = fromMs; startMs < toMs; startMs += dayMs) {
    const read = await reader.day(key, startMs)
    if (read.day.humans + read.day.bots > 0) yield* dayRows(startMs, read.day, read.traits)
  }
}

function* dayRows(startMs: number, day: Totals, counts: readonly TraitCount[]): Generator<Row> {
  for (const [dimension, id] of traits) {
    let { humans, bots } = day
    for (const count of counts) {
      if (count.trait !== id) continue
      humans -= count.humans
      bots -= count.bots
      yield rowOf('day', startMs, dimension, count.value, count)
    }
    if (humans + bots > 0) yield rowOf('day', startMs, dimension, null, { humans, bots })
  }
}

function rowOf(
  record: 'interval' | 'day',
  startMs: number,
  dimension: Trait | null,
  name: string | null,
  { humans, bots }: Totals,
): Row {
  return { record, start: isoOf(startMs), dimension, name, clicks: humans + bots, humans, bots }
}

/** Every link with clicks in the days of the range, by code. */
export async function* fleetRows(
  reader: ExportReader,
  range: StatsRange,
  domain: string,
): AsyncGenerator<Row> {
  let after: ExportedLink | undefined
  do {
    const page: readonly ExportedLink[] = await reader.links(after, range, pageLinks)
    for (const { code, humans, bots, total, firstClickAtMs, lastClickAtMs } of page) {
      if (humans + bots === 0) continue
      const clicked = { firstClickAt: isoOf(firstClickAtMs), lastClickAt: isoOf(lastClickAtMs) }
      yield { code, domain, clicks: humans + bots, humans, bots, total, ...clicked }
    }
    after = page.length < pageLinks ? undefined : page.at(-1)
  } while (after !== undefined)
}
