/** The range of a statistics answer: what was asked for, judged, aligned and filled with zeros. */
import { dayMs, type Grain, grainsSeconds } from '../grains.ts'
import { type Timezone, timezoneOf, utc } from './timezone.ts'

export const grains = Object.keys(grainsSeconds) as Grain[]

/** Points of one series: 83 hours of minutes, 208 days of hours, 13 years of days. */
export const pointsMax = 5_000

/** How far back a range reaches when nothing else is asked for. */
const defaultPoints: Readonly<Record<Grain, number>> = { minute: 60, hour: 48, day: 30 }

export interface RangeQuestion {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly interval?: string | undefined
  /** An IANA name: where the days are. UTC unless given. */
  readonly timezone?: string | undefined
}

export interface Retention {
  readonly minuteDays: number
  readonly hourDays: number
}

/** Rows of a day are kept whole: the first day of which all is there after so many days. */
export function keptFromMs(keptMs: number, nowMs: number): number {
  return Math.floor((nowMs - keptMs) / dayMs) * dayMs
}

export interface StatsRange {
  readonly grain: Grain
  readonly timezone: string
  /** Aligned to the grain; `toMs` is exclusive. */
  readonly fromMs: number
  readonly toMs: number
  /** Where each interval begins, ascending. */
  readonly starts: readonly number[]
  /** The grain of the clicks that the intervals are made of: finer than `grain` where days are not those of UTC. */
  readonly readGrain: Grain
}

export type RangeJudgement =
  | { readonly kind: 'range'; readonly range: StatsRange }
  | { readonly kind: 'invalid'; readonly field: keyof RangeQuestion; readonly detail: string }

/** The interval that holds `from` is the first, the one that holds the moment before `to` the last. */
export function judgeRange(question: RangeQuestion, retention: Retention, nowMs: number): RangeJudgement {
  const grain = grains.find((candidate) => candidate === (question.interval ?? 'day'))
  if (grain === undefined) return invalid('interval', `interval must be one of ${grains.join(', ')}.`)
  const timezone = timezoneOf(question.timezone ?? 'UTC')
  if (timezone === undefined) {
    return invalid('timezone', 'timezone must be a name of the IANA database, such as Europe/Berlin.')
  }
  const scale = scaleOf(grain, timezone)
  const askedToMs = question.to === undefined ? nowMs + 1 : momentOf(question.to, timezone)
  if (askedToMs === undefined) return invalid('to', `to ${momentSentence}`)
  const end = scale.indexOf(askedToMs - 1) + 1
  const askedFromMs =
    question.from === undefined
      ? scale.startOf(end - defaultPoints[grain])
      : momentOf(question.from, timezone)
  if (askedFromMs === undefined) return invalid('from', `from ${momentSentence}`)
  if (askedFromMs >= askedToMs) return invalid('from', 'from must be before to.')
  const first = scale.indexOf(askedFromMs)
  if (end - first > pointsMax) {
    // There is no interval longer than a day to ask for.
    return invalid(
      grain === 'day' ? 'from' : 'interval',
      `The range has ${end - first} intervals of one ${grain}; at most ${pointsMax} are answered.`,
    )
  }
  const fromMs = scale.startOf(first)
  const isUtc = grain !== 'day' || timezone === utc
  const tooOld = (read: Grain) => judgeAge(fromMs, read, isUtc ? undefined : timezone, retention, nowMs)
  // Judged before the starts are made, since there is no bound on days of UTC but there is one on others.
  const refusal = tooOld(isUtc ? grain : 'hour')
  if (refusal !== undefined) return refusal
  const starts = Array.from({ length: end - first }, (_none, index) => scale.startOf(first + index))
  const toMs = scale.startOf(end)
  const readGrain = isUtc ? grain : coarsestThatMeets([...starts, toMs])
  const range = { grain, timezone: timezone.name, fromMs, toMs, starts, readGrain }
  return tooOld(readGrain) ?? { kind: 'range', range }
}

/** Numbers the intervals of a grain. */
interface Scale {
  indexOf(ms: number): number
  startOf(index: number): number
}

function scaleOf(grain: Grain, timezone: Timezone): Scale {
  if (grain === 'day') return { indexOf: timezone.dayOf, startOf: timezone.startOfDay }
  const stepMs = grainsSeconds[grain] * 1000
  return { indexOf: (ms) => Math.floor(ms / stepMs), startOf: (index) => index * stepMs }
}

/** Hours make days wherever midnight is at a full hour of UTC; elsewhere minutes do. */
function coarsestThatMeets(boundsMs: readonly number[]): Grain {
  return boundsMs.every((ms) => ms % (grainsSeconds.hour * 1000) === 0) ? 'hour' : 'minute'
}

function judgeAge(
  fromMs: number,
  grain: Grain,
  timezone: Timezone | undefined,
  retention: Retention,
  nowMs: number,
): RangeJudgement | undefined {
  const days = { minute: retention.minuteDays, hour: retention.hourDays, day: Number.POSITIVE_INFINITY }[
    grain
  ]
  if (fromMs >= nowMs - days * dayMs) return undefined
  if (timezone === undefined) {
    return invalid('from', `Clicks by ${grain} are kept for ${days} days; ask for a longer interval.`)
  }
  const detail = `Days in ${timezone.name} are made of clicks by ${grain}, kept for ${days} days; days in UTC are kept for ever.`
  return invalid('from', detail)
}

const momentSentence =
  'must be a date (2026-01-31) or a moment with its offset (2026-01-31T12:00:00Z) from the years 2000 to 2200.'
const momentPattern = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/
const dateLength = '2026-01-31'.length
const earliestMs = Date.UTC(2000, 0, 1)
const latestMs = Date.UTC(2200, 0, 1)

/** A date stands for its first moment in the zone. */
function momentOf(text: string, timezone: Timezone): number | undefined {
  const ms = momentPattern.test(text) ? Date.parse(text) : Number.NaN
  const isInYears = ms >= earliestMs && ms <= latestMs
  // Date.parse rolls 31 February over into March.
  const day = Number(text.slice(8, 10))
  const isRealDay =
    day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
  if (!isInYears || !isRealDay) return undefined
  return text.length === dateLength ? timezone.startOfDay(utc.dayOf(ms)) : ms
}

function invalid(field: keyof RangeQuestion, detail: string): RangeJudgement {
  return { kind: 'invalid', field, detail }
}

interface Point {
  readonly startMs: number
  readonly humans: number
  readonly bots: number
}

/** One point for each interval of the range, zero where nothing was counted. */
export function fillSeries(range: StatsRange, points: readonly Point[]): Point[] {
  const found = new Map(points.map((point) => [point.startMs, point]))
  return range.starts.map((startMs) => found.get(startMs) ?? { startMs, humans: 0, bots: 0 })
}

/** The whole days, of UTC, that a range touches: traits and visitors are counted by them. */
export function wholeDays(range: Pick<StatsRange, 'fromMs' | 'toMs'>): { fromMs: number; toMs: number } {
  return {
    fromMs: Math.floor(range.fromMs / dayMs) * dayMs,
    toMs: Math.ceil(range.toMs / dayMs) * dayMs,
  }
}
