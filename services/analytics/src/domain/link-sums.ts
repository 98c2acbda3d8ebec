/**
 * The sums of one link in one batch. A click touches one row of a minute and one small map for each of its traits;
 * hours are made of the minutes and days of the hours when the batch is complete.
 */
import type { Click } from '@linkfleet/contracts/clicks'
import { dayMs, grainsSeconds, minuteMs } from './grains.ts'
import { RecentClicks } from './recent-clicks.ts'
import type { LinkOrphanRow, SeriesRow, Tally, TotalRow, TraitDay, VisitorRow } from './rollup.ts'
import { packedName, traitCount, traitsOf, type UserAgent } from './traits.ts'
import { entryOf, visitorBytesMin } from './visitor-sketch.ts'

interface DaySums {
  readonly startMs: number
  /** By trait, which counts from 1; none where no click has it. */
  readonly traits: (Map<string, Tally> | undefined)[]
  readonly visitors: Set<number>
}

/** Clicks come nearly in the order of their time, so the last minute and day are mostly those of the next click. */
export class LinkSums {
  readonly total: TotalRow
  readonly #minutes = new MinuteSums()
  readonly #days = new Map<number, DaySums>()
  readonly #orphans = new Map<number, LinkOrphanRow>()
  readonly #recent = new RecentClicks()
  #lastDay: DaySums | undefined

  constructor({ domainId, code }: Click) {
    this.total = { domainId, code, humans: 0, bots: 0, orphans: 0, firstMs: null, lastMs: null }
  }

  add(click: Click, agent: UserAgent): void {
    const { total } = this
    const who = agent.isBot ? 'bots' : 'humans'
    total[who]++
    if (total.firstMs === null || click.atMs < total.firstMs) total.firstMs = click.atMs
    if (total.lastMs === null || click.atMs > total.lastMs) total.lastMs = click.atMs
    this.#minutes.at(click.atMs)[who]++
    const day = this.#dayAt(click.atMs)
    traitsOf(click, agent, (trait, value) => {
      let tallies = day.traits[trait]
      if (tallies === undefined) {
        tallies = new Map()
        day.traits[trait] = tallies
      }
      tallyOf(tallies, value)[who]++
    })
    if (!agent.isBot && click.visitor.length >= visitorBytesMin) day.visitors.add(entryOf(click.visitor))
    this.#recent.add(click, agent)
  }

  addOrphan(reason: number): void {
    this.total.orphans++
    let row = this.#orphans.get(reason)
    if (row === undefined) {
      row = { domainId: this.total.domainId, code: this.total.code, reason, clicks: 0 }
      this.#orphans.set(reason, row)
    }
    row.clicks++
  }

  series(): SeriesRow[] {
    const { domainId, code } = this.total
    const rows: SeriesRow[] = []
    for (const { grainSeconds, startMs, humans, bots } of this.#minutes.allGrains()) {
      rows.push({ domainId, code, grainSeconds, startMs, humans, bots })
    }
    return rows
  }

  traits(): TraitDay[] {
    const { domainId, code } = this.total
    return this.#sortedDays().flatMap((day) => {
      const values = new Map<string, Tally>()
      for (let trait = 1; trait < day.traits.length; trait++) {
        for (const [value, tally] of day.traits[trait] ?? []) values.set(packedName(trait, value), tally)
      }
      return values.size === 0 ? [] : [{ domainId, code, dayMs: day.startMs, values }]
    })
  }

  visitors(): VisitorRow[] {
    const { domainId, code } = this.total
    return this.#sortedDays().flatMap(({ startMs, visitors }) =>
      visitors.size === 0 ? [] : [{ domainId, code, dayMs: startMs, entries: visitors }],
    )
  }

  orphans(): LinkOrphanRow[] {
    return [...this.#orphans.values()].sort((a, b) => a.reason - b.reason)
  }

  recent() {
    return this.#recent.build()
  }

  #dayAt(atMs: number): DaySums {
    const startMs = atMs - (atMs % dayMs)
    if (this.#lastDay?.startMs === startMs) return this.#lastDay
    let day = this.#days.get(startMs)
    if (day === undefined) {
      day = { startMs, traits: new Array(traitCount + 1), visitors: new Set() }
      this.#days.set(startMs, day)
    }
    this.#lastDay = day
    return day
  }

  #sortedDays(): DaySums[] {
    return [...this.#days.values()].sort((a, b) => a.startMs - b.startMs)
  }
}

export interface GrainSums extends Tally {
  readonly grainSeconds: number
  readonly startMs: number
  orphans: number
}

/** Clicks by minute, and what follows for hours and days. */
export class MinuteSums {
  readonly #minutes = new Map<number, GrainSums>()
  #last: GrainSums | undefined

  at(atMs: number): GrainSums {
    const startMs = atMs - (atMs % minuteMs)
    if (this.#last?.startMs === startMs) return this.#last
    this.#last = sumsAt(this.#minutes, grainsSeconds.minute, startMs)
    return this.#last
  }

  /** Sorted by grain and start. */
  allGrains(): GrainSums[] {
    const hours = coarser(this.#minutes.values(), grainsSeconds.hour)
    const days = coarser(hours.values(), grainsSeconds.day)
    return [this.#minutes, hours, days].flatMap((grain) =>
      [...grain.values()].sort((a, b) => a.startMs - b.startMs),
    )
  }
}

function coarser(finer: Iterable<GrainSums>, grainSeconds: number): Map<number, GrainSums> {
  const sums = new Map<number, GrainSums>()
  for (const { startMs, humans, bots, orphans } of finer) {
    const sum = sumsAt(sums, grainSeconds, startMs - (startMs % (grainSeconds * 1000)))
    sum.humans += humans
    sum.bots += bots
    sum.orphans += orphans
  }
  return sums
}

function sumsAt(sums: Map<number, GrainSums>, grainSeconds: number, startMs: number): GrainSums {
  let sum = sums.get(startMs)
  if (sum === undefined) {
    sum = { grainSeconds, startMs, humans: 0, bots: 0, orphans: 0 }
    sums.set(startMs, sum)
  }
  return sum
}

function tallyOf(tallies: Map<string, Tally>, value: string): Tally {
  let tally = tallies.get(value)
  if (tally === undefined) {
    tally = { humans: 0, bots: 0 }
    tallies.set(value, tally)
  }
  return tally
}
