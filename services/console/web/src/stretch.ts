/** Which stretch of time is looked at, and in which intervals its clicks are asked for. */
import type { Interval } from './api.ts'

export const spans = [
  { value: 'hour', label: 'Hour', interval: 'minute', intervals: 60 },
  { value: 'day', label: 'Day', interval: 'hour', intervals: 24 },
  { value: 'month', label: '30 days', interval: 'day', intervals: 30 },
  { value: 'year', label: 'Year', interval: 'day', intervals: 365 },
] as const satisfies readonly { value: string; label: string; interval: Interval; intervals: number }[]

export type SpanName = (typeof spans)[number]['value']

/** A part of the chart that was dragged over. */
export interface Zoom {
  readonly fromMs: number
  readonly toMs: number
}

export interface Stretch extends Zoom {
  readonly interval: Interval
  /** Where its days are: an IANA name. */
  readonly timezone: string
}

export const intervalMs: Readonly<Record<Interval, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}
const shortestMs = 5 * intervalMs.minute
/** Analytics keeps minutes and hours so long unless told otherwise; what it refuses is asked for less finely. */
const minutesKeptMs = 35 * intervalMs.day
const hoursKeptMs = 400 * intervalMs.day

const utc = 'UTC'

/** The last intervals, the running one included. Days are those of `zone`, the visitor's own, where those are kept. */
export function stretchOf(name: SpanName, nowMs: number, zone: string): Stretch {
  const { interval, intervals } = spans.find(({ value }) => value === name) ?? spans[0]
  const oneMs = intervalMs[interval]
  const endMs = Math.floor(nowMs / oneMs) * oneMs + oneMs
  const whole = { fromMs: endMs - intervals * oneMs, toMs: endMs, interval, timezone: zone }
  if (interval !== 'day') return whole
  const first = new Date(nowMs)
  first.setHours(0, 0, 0, 0)
  first.setDate(first.getDate() - (intervals - 1))
  const local = { fromMs: first.getTime(), toMs: nowMs, interval, timezone: zone }
  return daysZoneOf(local, nowMs, zone) === utc ? { ...whole, timezone: utc } : local
}

/** As fine as can be seen, and as is kept. */
export function zoomedStretch({ fromMs, toMs }: Zoom, nowMs: number, zone: string): Stretch {
  const middleMs = (fromMs + toMs) / 2
  const halfMs = Math.max(toMs - fromMs, shortestMs) / 2
  const widthMs = 2 * halfMs
  const ageMs = nowMs - (middleMs - halfMs)
  const interval =
    widthMs <= 6 * intervalMs.hour && isKept(ageMs, minutesKeptMs)
      ? 'minute'
      : widthMs <= 15 * intervalMs.day && isKept(ageMs, hoursKeptMs)
        ? 'hour'
        : 'day'
  const oneMs = intervalMs[interval]
  const whole = {
    fromMs: Math.floor((middleMs - halfMs) / oneMs) * oneMs,
    toMs: Math.ceil((middleMs + halfMs) / oneMs) * oneMs,
    interval,
  } as const
  return { ...whole, timezone: interval === 'day' ? daysZoneOf(whole, nowMs, zone) : zone }
}

/** What is kept for longer than the intervals of this one; undefined where those are kept for ever. */
export function coarserStretch({ fromMs, toMs, interval, timezone }: Stretch): Stretch | undefined {
  if (interval === 'day' && timezone === utc) return undefined
  const next = interval === 'minute' ? 'hour' : 'day'
  const oneMs = intervalMs[next]
  return {
    fromMs: Math.floor(fromMs / oneMs) * oneMs,
    toMs: Math.ceil(toMs / oneMs) * oneMs,
    interval: next,
    timezone: interval === 'day' ? utc : timezone,
  }
}

/** A day is left over, for the interval that holds the first moment may begin so much before it. */
function isKept(ageMs: number, keptMs: number): boolean {
  return ageMs < keptMs - intervalMs.day
}

/**
 * Days of a zone are counted from hours, or from minutes where midnight is not at a full hour of UTC, so they can be
 * had for as long as those are kept. Days of UTC are kept for ever.
 */
function daysZoneOf(stretch: Zoom, nowMs: number, zone: string): string {
  const keptMs = hasWholeHours(stretch, zone) ? hoursKeptMs : minutesKeptMs
  return isKept(nowMs - stretch.fromMs, keptMs) ? zone : utc
}

/**
 * Each day is looked at, that of the first moment from its midnight on: a summer time may shift the clock by half an
 * hour, as on Lord Howe Island.
 */
function hasWholeHours({ fromMs, toMs }: Zoom, zone: string): boolean {
  const minuteOf = new Intl.DateTimeFormat('en', { timeZone: zone, minute: 'numeric' })
  const firstMs = Math.floor(fromMs / intervalMs.hour) * intervalMs.hour
  for (let ms = firstMs - intervalMs.day; ms <= toMs + intervalMs.day; ms += intervalMs.day) {
    if (Number(minuteOf.format(ms)) !== 0) return false
  }
  return true
}

/** Days that are perhaps not the reader's own say whose they are. */
export function intervalWords({ interval, timezone }: Pick<Stretch, 'interval' | 'timezone'>): string {
  return interval === 'day' && timezone === utc ? 'day (UTC)' : interval
}
