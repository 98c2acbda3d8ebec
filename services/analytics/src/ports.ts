/** What analytics asks of the world. */
import type { BatchCounts, ClickRecord, DeadLetter, ReadRecord } from './domain/batch-plan.ts'
import type { LogEnds, StoredPosition } from './domain/position.ts'
import type { RecentClick } from './domain/recent-clicks.ts'
import type { StatsFilter } from './domain/statistics/stats-filter.ts'
import type { StatsRange } from './domain/statistics/stats-range.ts'

export interface LinkKey {
  readonly domainId: number
  readonly code: string
}

export type ApplyOutcome =
  | {
      readonly kind: 'applied'
      readonly nextOffset: number
      readonly caughtUpAtMs: number
      readonly counts: BatchCounts
      readonly deadLetters: readonly DeadLetter[]
      /** When the oldest click that was counted happened; undefined when none was. */
      readonly oldestCountedMs: number | undefined
    }
  /** Someone else moved the partition on: this consumer no longer owns it, or an unanswered commit took effect. */
  | { readonly kind: 'out-of-step' }

/**
 * The one writer of rollups. Each call is one transaction; it throws when the database refuses or does not answer,
 * and then the caller reads the position again before it goes on. No call retries.
 */
export interface ClickStore {
  position(partition: number): Promise<StoredPosition | undefined>
  /** Makes the position of a partition that has none. False when there is one by now. */
  begin(partition: number, nextOffset: number): Promise<boolean>
  /** Moves the position without applying anything. False when it no longer is `from`. */
  move(partition: number, from: number, to: number): Promise<boolean>
  /** Applies records that continue the log at `from`, all of them or none. */
  apply(partition: number, from: number, records: readonly ReadRecord[]): Promise<ApplyOutcome>
  /**
   * Notes until when partitions are applied whole. Forgets partitions that the topic no longer has; those that it has and
   * nobody has noted yet hold `asOf` where it is until somebody does.
   */
  noteProgress(caughtUpAtMs: ReadonlyMap<number, number>, partitionCount: number): Promise<void>
}

/** The log of clicks. Throws while no broker answers. */
export interface ClickLog {
  ends(): Promise<ReadonlyMap<number, LogEnds>>
}

/** Steers the delivery of one consumer. No call throws for a partition that is not assigned any more. */
export interface Delivery {
  pause(partition: number): void
  /** Delivers from `offset` on. */
  resumeAt(partition: number, offset: number): void
}

export interface Totals {
  readonly humans: number
  readonly bots: number
}

export interface SeriesPoint extends Totals {
  readonly startMs: number
}

export interface TraitCount extends Totals {
  readonly trait: number
  readonly value: string
}

export interface LinkCounts extends Totals {
  readonly orphans: number
  readonly firstClickAtMs: number | null
  readonly lastClickAtMs: number | null
}

/** An orphan reason's number, and how many clicks had it. */
export type ReasonCount = readonly [reason: number, clicks: number]

export interface LinkStats {
  /** undefined when no click of this code was ever counted. */
  readonly counts: LinkCounts | undefined
  readonly series: readonly SeriesPoint[]
  /** Over the whole days that the range touches, as are `days`. The most frequent values of each trait. */
  readonly traits: readonly TraitCount[]
  readonly days: Totals
  /** The sum of the same days' unique visitors. */
  readonly visitors: number
  readonly recent: readonly RecentClick[]
  /** Of all time. */
  readonly orphanReasons: readonly ReasonCount[]
  readonly asOfMs: number | null
}

export interface FilteredStats {
  /** Whether any click of this code was ever counted. */
  readonly isKnown: boolean
  readonly series: readonly SeriesPoint[]
  readonly asOfMs: number | null
}

export interface FleetStats extends Totals {
  readonly series: readonly SeriesPoint[]
  /** Over the whole days that the range touches. */
  readonly orphanReasons: readonly ReasonCount[]
  readonly asOfMs: number | null
}

export interface TopLinks {
  readonly links: readonly (LinkKey & Totals)[]
  readonly asOfMs: number | null
}

export interface LiveTotals {
  /** Only of keys that have any, in no order. */
  readonly totals: readonly (LinkKey & Totals)[]
  /** Of all links, where it was asked for. */
  readonly fleet: Totals | undefined
  readonly asOfMs: number | null
}

/** Counted clicks. All parts of an answer are of one snapshot. Throws LinkfleetError 'unavailable'. */
export interface StatsReader {
  link(key: LinkKey, range: StatsRange): Promise<LinkStats>
  /** Days of UTC only. */
  filtered(key: LinkKey, range: StatsRange, filter: StatsFilter): Promise<FilteredStats>
  fleet(range: StatsRange): Promise<FleetStats>
  /** The links with the most clicks of the days of the range, which is one of days of UTC; most clicks first. */
  top(range: StatsRange, linksMax: number): Promise<TopLinks>
  live(keys: readonly LinkKey[], hasFleet: boolean): Promise<LiveTotals>
  /** Only of keys that have any, in no order. */
  totals(keys: readonly LinkKey[]): Promise<{
    readonly totals: readonly (LinkKey & Totals)[]
    readonly asOfMs: number | null
  }>
}

/** A link, or all links together. */
export type Watched = LinkKey | 'fleet'

/** Totals of all time. */
export interface LiveReading extends Totals {
  readonly asOfMs: number | null
}

/** Whoever watches clicks as they are counted. No call throws or waits. */
export interface LiveStream {
  readonly watched: Watched
  /** Once a second; without a reading while no database answers. */
  tick(reading: LiveReading | undefined): void
  /** Says goodbye. The stream leaves by itself when its connection has closed. */
  end(): void
}

export interface LivePlace {
  join(stream: LiveStream): void
  /** Gives the place back; harmless when it was. */
  leave(): void
}

/** Tells streams what is counted of what they watch. */
export interface LiveFeed {
  /** Keeps a place for a stream of this caller. Throws LinkfleetError when there is none. */
  reserve(caller: string): LivePlace
}

export interface ExportedLink extends LinkKey, Totals {
  /** Of all time; humans and bots are of the range. */
  readonly total: number
  readonly firstClickAtMs: number | null
  readonly lastClickAtMs: number | null
}

/** Counted clicks, a piece at a time, for exports. Each piece is of one snapshot. Throws LinkfleetError 'unavailable'. */
export interface ExportReader {
  /** One day in UTC of one link, with every value of every trait that has numbers of its own. */
  day(
    key: LinkKey,
    startMs: number,
  ): Promise<{ readonly day: Totals; readonly traits: readonly TraitCount[] }>
  /** The first links after a key, by their keys, with the clicks of the days of the range. */
  links(after: LinkKey | undefined, range: StatsRange, linksMax: number): Promise<readonly ExportedLink[]>
}

/** The shortener. Throws LinkfleetError when it does not answer within its deadline. */
export interface Links {
  /** Whether such a link exists or existed. */
  isKnown(key: LinkKey): Promise<boolean>
  /** Whether a key or session is valid; every role may read statistics. */
  mayRead(credential: string): Promise<boolean>
}

export interface DaySalt {
  readonly dayStartMs: number
  readonly salt: Buffer
}

export interface VisitorSaltKeeper {
  /** The salt of the day that holds `nowMs`, and that of the next day once half of this one is over. */
  salts(nowMs: number): Promise<DaySalt[]>
  /** Destroys the salts of past days. Gives back how many there were. */
  destroyPast(nowMs: number): Promise<number>
}

/** Objects that never change, each under the SHA-256 of its content. Every call has a deadline, and none retries. */
export interface ArchiveStore {
  /** Resolves when the object would survive a loss of power of this machine. */
  put(name: string, content: Buffer): Promise<void>
  /** undefined when there is no such object. The content may not be that of its name. */
  get(name: string): Promise<Buffer | undefined>
}

/** A part of Kafka's log, for a rebuild. Throws while no broker answers. */
export interface LogRange {
  /** The offset of the first record that is kept. */
  low(partition: number): Promise<number>
  /** Gives all records from `from` up to before `to`, in their order, each batch when `take` is done with the last. */
  read(
    partition: number,
    from: number,
    to: number,
    take: (records: readonly ClickRecord[]) => Promise<void>,
  ): Promise<void>
}
