/** Counted clicks as the API shows them. The parts of an answer add up: that is what people check first. */
import type { FleetStats, LinkStats, SeriesPoint, TraitCount } from '../ports.ts'
import { fillSeries, type StatsRange } from './stats-range.ts'
import { type Trait, traitIds } from './traits.ts'

export interface NamedClicks {
  /** null stands for all clicks of which it is not known. */
  readonly name: string | null
  readonly clicks: number
}

export function linkAnswer(code: string, range: StatsRange, stats: LinkStats) {
  const { humans, bots, orphans, firstClickAtMs, lastClickAtMs } = stats.counts ?? noCounts
  const shares = (trait: Trait) => sharesOf(stats, trait)
  return {
    code,
    total: humans + bots,
    humans,
    bots,
    orphans,
    firstClickAt: isoOf(firstClickAtMs),
    lastClickAt: isoOf(lastClickAtMs),
    ...seriesAnswer(range, stats.series),
    countries: shares('country'),
    referrers: shares('referrer'),
    browsers: shares('browser'),
    operatingSystems: shares('operatingSystem'),
    devices: shares('device'),
    languages: shares('language'),
    asOf: isoOf(stats.asOfMs),
  }
}

export function fleetAnswer(range: StatsRange, stats: FleetStats) {
  const { humans, bots, orphans } = stats
  return {
    total: humans + bots,
    humans,
    bots,
    orphans,
    ...seriesAnswer(range, stats.series),
    asOf: isoOf(stats.asOfMs),
  }
}

const noCounts = { humans: 0, bots: 0, orphans: 0, firstClickAtMs: null, lastClickAtMs: null }

function seriesAnswer(range: StatsRange, points: readonly SeriesPoint[]) {
  const series = fillSeries(range, points).map(({ startMs, humans, bots }) => ({
    start: new Date(startMs).toISOString(),
    clicks: humans + bots,
    humans,
    bots,
  }))
  return {
    interval: range.grain,
    from: new Date(range.fromMs).toISOString(),
    to: new Date(range.toMs).toISOString(),
    /** The sum of the series. */
    clicks: series.reduce((sum, point) => sum + point.clicks, 0),
    series,
  }
}

/** The named values, most clicks first, and what they leave of the days' clicks as the unnamed rest. */
function sharesOf(stats: LinkStats, trait: Trait): NamedClicks[] {
  const ofTrait = (count: TraitCount) => count.trait === traitIds[trait]
  const named = stats.traits
    .filter(ofTrait)
    .map(({ value, humans, bots }) => ({ name: value, clicks: humans + bots }))
    .sort((a, b) => b.clicks - a.clicks || (a.name < b.name ? -1 : 1))
  const rest = stats.days.humans + stats.days.bots - named.reduce((sum, { clicks }) => sum + clicks, 0)
  return rest > 0 ? [...named, { name: null, clicks: rest }] : named
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
