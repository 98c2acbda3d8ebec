/**
 * Sums clicks in memory, so that a batch of thousands touches each row of the database once. A hot link is one row
 * of the batch, and since all its clicks travel in one partition, no other consumer waits for that row.
 */
import { type Click, ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { RecentClicks } from './recent-clicks.ts'
import { type ClassifyUserAgent, type Trait, traitIds, traitsOf } from './traits.ts'
import { entryOf, visitorBytesMin } from './visitor-sketch.ts'

export interface Tally {
  humans: number
  bots: number
}

export interface TotalRow extends Tally {
  readonly domainId: number
  readonly code: string
  orphans: number
  /** null when every click of it was an orphan. */
  firstMs: number | null
  lastMs: number | null
}

export interface SeriesRow extends Tally {
  readonly domainId: number
  readonly code: string
  readonly grainSeconds: number
  readonly startMs: number
}

export interface TraitRow extends Tally {
  readonly domainId: number
  readonly code: string
  readonly dayMs: number
  readonly trait: number
  readonly value: string
}

export interface FleetRow extends Tally {
  readonly grainSeconds: number
  readonly startMs: number
  orphans: number
}

export interface OrphanRow {
  readonly domainId: number
  readonly dayMs: number
  readonly reason: number
  clicks: number
}

/** Visitors of a link by day: what each sets in a sketch, by which it is counted once. */
export interface VisitorRow {
  readonly domainId: number
  readonly code: string
  readonly dayMs: number
  readonly entries: Set<number>
}

export interface RecentRow {
  readonly domainId: number
  readonly code: string
  readonly newestMs: number
  /** The newest first, at most `recentClicksMax`. */
  readonly clicks: readonly string[]
}

export interface LinkOrphanRow {
  readonly domainId: number
  readonly code: string
  readonly reason: number
  clicks: number
}

/** Every list is sorted by its table's key: all transactions lock rows in one order, so none deadlocks. */
export interface Rollup {
  readonly totals: readonly TotalRow[]
  readonly series: readonly SeriesRow[]
  readonly traits: readonly TraitRow[]
  readonly fleet: readonly FleetRow[]
  readonly orphans: readonly OrphanRow[]
  readonly linkOrphans: readonly LinkOrphanRow[]
  readonly visitors: readonly VisitorRow[]
  readonly recents: readonly RecentRow[]
}

export const grainsSeconds = { minute: 60, hour: 3_600, day: 86_400 } as const
/** The grain of the fleet's row for all time. */
export const allTimeGrain = 0
const dayMs = grainsSeconds.day * 1000
const stepGrains = [grainsSeconds.minute, grainsSeconds.hour, grainsSeconds.day]
const fleetGrains = [allTimeGrain, ...stepGrains]

interface LinkSums {
  readonly total: TotalRow
  /** By grain and start: `60 1700000000000`. */
  readonly series: Map<string, SeriesRow>
  /** By day, trait and value. */
  readonly traits: Map<string, TraitRow>
  /** By day. */
  readonly visitors: Map<number, VisitorRow>
  /** By reason. */
  readonly orphans: Map<number, LinkOrphanRow>
  readonly recent: RecentClicks
}

export function startOf(atMs: number, grainSeconds: number): number {
  return grainSeconds === allTimeGrain ? 0 : atMs - (atMs % (grainSeconds * 1000))
}

/** Collects the clicks of one batch. */
export class RollupBuilder {
  readonly #classify: ClassifyUserAgent
  readonly #links = new Map<string, LinkSums>()
  readonly #fleet = new Map<string, FleetRow>()
  readonly #orphans = new Map<string, OrphanRow>()

  constructor(classify: ClassifyUserAgent) {
    this.#classify = classify
  }

  add(click: Click): 'human' | 'bot' | 'orphan' {
    if (click.kind === ClickKind.ORPHAN) {
      this.#addOrphan(click)
      return 'orphan'
    }
    const agent = this.#classify(click.userAgent)
    const who = agent.isBot ? 'bots' : 'humans'
    const sums = this.#link(click)
    sums.total[who]++
    sums.total.firstMs = Math.min(sums.total.firstMs ?? click.atMs, click.atMs)
    sums.total.lastMs = Math.max(sums.total.lastMs ?? click.atMs, click.atMs)
    for (const grainSeconds of stepGrains) seriesRow(sums, click, grainSeconds)[who]++
    for (const [trait, value] of traitsOf(click, agent)) traitRow(sums, click, trait, value)[who]++
    if (!agent.isBot && click.visitor.length >= visitorBytesMin) {
      visitorRow(sums, click).entries.add(entryOf(click.visitor))
    }
    sums.recent.add(click, agent)
    for (const row of this.#fleetRows(click.atMs)) row[who]++
    return agent.isBot ? 'bot' : 'human'
  }

  build(): Rollup {
    const links = [...this.#links.values()].sort((a, b) => byLink(a.total, b.total))
    return {
      totals: links.map((link) => link.total),
      series: links.flatMap((link) =>
        [...link.series.values()].sort((a, b) => a.grainSeconds - b.grainSeconds || a.startMs - b.startMs),
      ),
      traits: links.flatMap((link) =>
        [...link.traits.values()].sort(
          (a, b) => a.dayMs - b.dayMs || a.trait - b.trait || byText(a.value, b.value),
        ),
      ),
      fleet: [...this.#fleet.values()].sort(
        (a, b) => a.grainSeconds - b.grainSeconds || a.startMs - b.startMs,
      ),
      orphans: [...this.#orphans.values()].sort(
        (a, b) => a.dayMs - b.dayMs || a.domainId - b.domainId || a.reason - b.reason,
      ),
      linkOrphans: links.flatMap((link) => [...link.orphans.values()].sort((a, b) => a.reason - b.reason)),
      visitors: links.flatMap((link) => [...link.visitors.values()].sort((a, b) => a.dayMs - b.dayMs)),
      recents: links.flatMap(({ total, recent }) => {
        const { domainId, code } = total
        const { newestMs, clicks } = recent.build()
        return clicks.length === 0 ? [] : [{ domainId, code, newestMs, clicks }]
      }),
    }
  }

  #addOrphan(click: Click): void {
    // A code that no link has is not kept: whoever asks for random codes must not make rows.
    if (click.orphanReason > OrphanReason.UNKNOWN) {
      const sums = this.#link(click)
      sums.total.orphans++
      linkOrphanRow(sums, click).clicks++
    }
    const day = startOf(click.atMs, grainsSeconds.day)
    const key = `${day} ${click.domainId} ${click.orphanReason}`
    const row = getOrMake(this.#orphans, key, () => ({
      domainId: click.domainId,
      dayMs: day,
      reason: click.orphanReason,
      clicks: 0,
    }))
    row.clicks++
    for (const fleet of this.#fleetRows(click.atMs)) fleet.orphans++
  }

  #link(click: Click): LinkSums {
    return getOrMake(this.#links, `${click.domainId} ${click.code}`, () => {
      const { domainId, code } = click
      const total = { domainId, code, humans: 0, bots: 0, orphans: 0, firstMs: null, lastMs: null }
      return {
        total,
        series: new Map(),
        traits: new Map(),
        visitors: new Map(),
        orphans: new Map(),
        recent: new RecentClicks(),
      }
    })
  }

  #fleetRows(atMs: number): FleetRow[] {
    return fleetGrains.map((grainSeconds) => {
      const startMs = startOf(atMs, grainSeconds)
      return getOrMake(this.#fleet, `${grainSeconds} ${startMs}`, () => ({
        grainSeconds,
        startMs,
        humans: 0,
        bots: 0,
        orphans: 0,
      }))
    })
  }
}

function seriesRow(sums: LinkSums, click: Click, grainSeconds: number): SeriesRow {
  const startMs = startOf(click.atMs, grainSeconds)
  const { domainId, code } = click
  return getOrMake(sums.series, `${grainSeconds} ${startMs}`, () => ({
    domainId,
    code,
    grainSeconds,
    startMs,
    humans: 0,
    bots: 0,
  }))
}

function traitRow(sums: LinkSums, click: Click, name: Trait, value: string): TraitRow {
  const { domainId, code, atMs } = click
  const trait = traitIds[name]
  const day = atMs - (atMs % dayMs)
  return getOrMake(sums.traits, `${day} ${trait} ${value}`, () => ({
    domainId,
    code,
    dayMs: day,
    trait,
    value,
    humans: 0,
    bots: 0,
  }))
}

function visitorRow(sums: LinkSums, { domainId, code, atMs }: Click): VisitorRow {
  const day = atMs - (atMs % dayMs)
  return getOrMake(sums.visitors, day, () => ({ domainId, code, dayMs: day, entries: new Set<number>() }))
}

function linkOrphanRow(sums: LinkSums, { domainId, code, orphanReason: reason }: Click): LinkOrphanRow {
  return getOrMake(sums.orphans, reason, () => ({ domainId, code, reason, clicks: 0 }))
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function byLink(a: TotalRow, b: TotalRow): number {
  return a.domainId - b.domainId || byText(a.code, b.code)
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
