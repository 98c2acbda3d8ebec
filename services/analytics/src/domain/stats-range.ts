/** The range of a statistics answer: what was asked for, judged, aligned and filled with zeros. */
import { grainsSeconds, startOf } from './rollup.ts'

export type Grain = keyof typeof grainsSeconds

export const grains = Object.keys(grainsSeconds) as Grain[]

/** Points of one series: 83 hours of minutes, 208 days of hours, 13 years of days. */
export const pointsMax = 5_000

/** How far back a range reaches when nothing else is asked for. */
const defaultPoints: Readonly<Record<Grain, number>> = { minute: 60, hour: 48, day: 30 }

export interface RangeQuestion {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly interval?: string | undefined
}

export interface Retention {
  readonly minuteDays: number
  readonly hourDays: number
}

export interface StatsRange {
  readonly grain: Grain
  /** Aligned to the grain; `toMs` is exclusive. */
  readonly fromMs: number
  readonly toMs: number
}

export type RangeJudgement =
  | { readonly kind: 'range'; readonly range: StatsRange }
  | { readonly kind: 'invalid'; readonly field: keyof RangeQuestion; readonly detail: string }

/** The interval that holds `from` is the first, the one that holds the moment before `to` the last. */
export function judgeRange(question: RangeQuestion, retention: Retention, nowMs: number): RangeJudgement {
  const grain = grains.find((candidate) => candidate === (question.interval ?? 'day'))
  if (grain === undefined) return invalid('interval', `interval must be one of ${grains.join(', ')}.`)
  const stepMs = grainsSeconds[grain] * 1000
  const askedToMs = question.to === undefined ? nowMs + 1 : momentOf(question.to)
  if (askedToMs === undefined) return invalid('to', `to ${momentSentence}`)
  const toMs = Math.ceil(askedToMs / stepMs) * stepMs
  const askedFromMs =
    question.from === undefined ? toMs - defaultPoints[grain] * stepMs : momentOf(question.from)
  if (askedFromMs === undefined) return invalid('from', `from ${momentSentence}`)
  if (askedFromMs >= askedToMs) return invalid('from', 'from must be before to.')
  const fromMs = startOf(askedFromMs, grainsSeconds[grain])
  const points = (toMs - fromMs) / stepMs
  if (points > pointsMax) {
    return invalid(
      'interval',
      `The range has ${points} intervals of one ${grain}; at most ${pointsMax} are answered.`,
    )
  }
  const keptDays = { minute: retention.minuteDays, hour: retention.hourDays, day: Number.POSITIVE_INFINITY }[
    grain
  ]
  if (fromMs < nowMs - keptDays * 86_400_000) {
    return invalid('from', `Clicks by ${grain} are kept for ${keptDays} days; ask for a longer interval.`)
  }
  return { kind: 'range', range: { grain, fromMs, toMs } }
}

const momentSentence =
  'must be a date (2026-01-31) or a moment with its offset (2026-01-31T12:00:00Z) from the years 2000 to 2200.'
const momentPattern = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/
const earliestMs = Date.UTC(2000, 0, 1)
const latestMs = Date.UTC(2200, 0, 1)

/** A date stands for its first moment in UTC. */
function momentOf(text: string): number | undefined {
  const ms = momentPattern.test(text) ? Date.parse(text) : Number.NaN
  const isInYears = ms >= earliestMs && ms <= latestMs
  // Date.parse rolls 31 February over into March.
  const day = Number(text.slice(8, 10))
  const isRealDay =
    day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
  return isInYears && isRealDay ? ms : undefined
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
  const stepMs = grainsSeconds[range.grain] * 1000
  const filled: Point[] = []
  for (let startMs = range.fromMs; startMs < range.toMs; startMs += stepMs) {
    filled.push(found.get(startMs) ?? { startMs, humans: 0, bots: 0 })
  }
  return filled
}
