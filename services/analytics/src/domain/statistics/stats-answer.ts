/** Counted clicks as the API shows them. The parts of an answer add up: that is what people check first. */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import type {
  FilteredStats,
  FleetStats,
  LinkStats,
  ReasonCount,
  SeriesPoint,
  TopLinks,
  TraitCount,
} from '../../ports.ts'
import type { RecentClick } from '../recent-clicks.ts'
import { type Trait, traitIds } from '../traits.ts'
import type { StatsFilter } from './stats-filter.ts'
import { fillSeries, type StatsRange, wholeDays } from './stats-range.ts'

export interface NamedClicks {
  /** null stands for all clicks of which it is not known. */
  readonly name: string | null
  readonly clicks: number
}

export function linkAnswer(code: string, range: StatsRange, stats: LinkStats) {
  const { humans, bots, orphans, firstClickAtMs, lastClickAtMs } = stats.counts ?? noCounts
  const shares = (trait: Trait) => sharesOf(stats, trait)
  const days = wholeDays(range)
  return {
    code,
    total: humans + bots,
    humans,
    bots,
    orphans,
    orphansByReason: reasonsOf(stats.orphanReasons),
    firstClickAt: isoOf(firstClickAtMs),
    lastClickAt: isoOf(lastClickAtMs),
    ...seriesAnswer(range, stats.series),
    days: {
      from: new Date(days.fromMs).toISOString(),
      to: new Date(days.toMs).toISOString(),
      clicks: stats.days.humans + stats.days.bots,
      humans: stats.days.humans,
      bots: stats.days.bots,
    },
    uniqueVisitors: stats.visitors,
    countries: shares('country'),
    regions: shares('region'),
    cities: shares('city'),
    referrers: shares('referrer'),
    browsers: shares('browser'),
    operatingSystems: shares('operatingSystem'),
    devices: shares('device'),
    languages: shares('language'),
    utmSources: shares('utmSource'),
    utmMediums: shares('utmMedium'),
    utmCampaigns: shares('utmCampaign'),
    utmTerms: shares('utmTerm'),
    utmContents: shares('utmContent'),
    recentClicks: recentOf(stats.recent),
    asOf: isoOf(stats.asOfMs),
  }
}

/** Of one value of a dimension no more is known than its clicks by day. */
export function filteredAnswer(code: string, range: StatsRange, filter: StatsFilter, stats: FilteredStats) {
  return { code, filter, ...seriesAnswer(range, stats.series), asOf: isoOf(stats.asOfMs) }
}

export function fleetAnswer(range: StatsRange, stats: FleetStats) {
  const { humans, bots } = stats
  return {
    total: humans + bots,
    humans,
    bots,
    orphans: stats.orphanReasons.reduce((sum, [, clicks]) => sum + clicks, 0),
    orphansByReason: reasonsOf(stats.orphanReasons),
    ...seriesAnswer(range, stats.series),
    asOf: isoOf(stats.asOfMs),
  }
}

export function topAnswer(range: StatsRange, domain: string, { links, asOfMs }: TopLinks) {
  return {
    from: new Date(range.fromMs).toISOString(),
    to: new Date(range.toMs).toISOString(),
    links: links.map(({ code, humans, bots }) => ({ code, domain, clicks: humans + bots, humans, bots })),
    asOf: isoOf(asOfMs),
  }
}

const reasonNames: Readonly<Record<number, string>> = {
  [OrphanReason.UNKNOWN]: 'unknown',
  [OrphanReason.EXPIRED]: 'expired',
  [OrphanReason.DELETED]: 'deleted',
  [OrphanReason.NOT_STARTED]: 'notStarted',
  [OrphanReason.BLOCKED]: 'blocked',
  [OrphanReason.USED_UP]: 'usedUp',
}

/** Every reason has a number, also where it is zero; what a later version may send counts as unspecified. */
function reasonsOf(counts: readonly ReasonCount[]): Record<string, number> {
  const sums = Object.fromEntries(Object.values(reasonNames).map((name) => [name, 0]))
  for (const [reason, clicks] of counts) {
    const name = reasonNames[reason] ?? 'unspecified'
    sums[name] = (sums[name] ?? 0) + clicks
  }
  return sums
}

function recentOf(recent: readonly RecentClick[]) {
  const known = (text: string) => (text === '' ? null : text)
  return [...recent]
    .sort((a, b) => b.atMs - a.atMs)
    .map((click) => ({
      at: new Date(click.atMs).toISOString(),
      bot: click.isBot,
      country: known(click.country),
      browser: known(click.browser),
      operatingSystem: known(click.operatingSystem),
      device: known(click.device),
      referrer: known(click.referrer),
    }))
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
    timezone: range.timezone,
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
