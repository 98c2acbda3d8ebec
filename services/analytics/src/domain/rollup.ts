/**
 * Sums clicks in memory, so that a batch of thousands touches each row of the database once. A hot link is one row
 * of the batch, and since all its clicks travel in one partition, no other consumer waits for that row.
 */
import { type Click, ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { allTimeSeconds, dayMs, grainsSeconds } from './grains.ts'
import { LinkSums, MinuteSums } from './link-sums.ts'
import type { ClassifyUserAgent } from './traits.ts'

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

/** What is known of the clicks of a link and day. */
export interface TraitDay {
  readonly domainId: number
  readonly code: string
  readonly dayMs: number
  /** By `packedName` of trait and value. */
  readonly values: ReadonlyMap<string, Tally>
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
  readonly traits: readonly TraitDay[]
  readonly fleet: readonly FleetRow[]
  readonly orphans: readonly OrphanRow[]
  readonly linkOrphans: readonly LinkOrphanRow[]
  readonly visitors: readonly VisitorRow[]
  readonly recents: readonly RecentRow[]
}

/** Collects the clicks of one batch. */
export class RollupBuilder {
  readonly #classify: ClassifyUserAgent
  /** By domain and code. */
  readonly #domains = new Map<number, Map<string, LinkSums>>()
  readonly #fleet = new MinuteSums()
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
    this.#link(click).add(click, agent)
    this.#fleet.at(click.atMs)[agent.isBot ? 'bots' : 'humans']++
    return agent.isBot ? 'bot' : 'human'
  }

  build(): Rollup {
    const links = [...this.#domains.values()]
      .flatMap((codes) => [...codes.values()])
      .sort((a, b) => byLink(a.total, b.total))
    return {
      totals: links.map((link) => link.total),
      series: links.flatMap((link) => link.series()),
      traits: links.flatMap((link) => link.traits()),
      fleet: this.#fleetRows(),
      orphans: [...this.#orphans.values()].sort(
        (a, b) => a.dayMs - b.dayMs || a.domainId - b.domainId || a.reason - b.reason,
      ),
      linkOrphans: links.flatMap((link) => link.orphans()),
      visitors: links.flatMap((link) => link.visitors()),
      recents: links.flatMap((link) => {
        const { domainId, code } = link.total
        const { newestMs, clicks } = link.recent()
        return clicks.length === 0 ? [] : [{ domainId, code, newestMs, clicks }]
      }),
    }
  }

  #addOrphan(click: Click): void {
    // A code that no link has is not kept: whoever asks for random codes must not make rows.
    if (click.orphanReason > OrphanReason.UNKNOWN) this.#link(click).addOrphan(click.orphanReason)
    const day = click.atMs - (click.atMs % dayMs)
    const key = `${day} ${click.domainId} ${click.orphanReason}`
    let row = this.#orphans.get(key)
    if (row === undefined) {
      row = { domainId: click.domainId, dayMs: day, reason: click.orphanReason, clicks: 0 }
      this.#orphans.set(key, row)
    }
    row.clicks++
    this.#fleet.at(click.atMs).orphans++
  }

  #link(click: Click): LinkSums {
    let codes = this.#domains.get(click.domainId)
    if (codes === undefined) {
      codes = new Map()
      this.#domains.set(click.domainId, codes)
    }
    let sums = codes.get(click.code)
    if (sums === undefined) {
      sums = new LinkSums(click)
      codes.set(click.code, sums)
    }
    return sums
  }

  #fleetRows(): FleetRow[] {
    const rows = this.#fleet.allGrains()
    if (rows.length === 0) return []
    const allTime: FleetRow = { grainSeconds: allTimeSeconds, startMs: 0, humans: 0, bots: 0, orphans: 0 }
    for (const { grainSeconds, humans, bots, orphans } of rows) {
      if (grainSeconds !== grainsSeconds.day) continue
      allTime.humans += humans
      allTime.bots += bots
      allTime.orphans += orphans
    }
    return [allTime, ...rows]
  }
}

function byLink(a: TotalRow, b: TotalRow): number {
  return a.domainId - b.domainId || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0)
}
