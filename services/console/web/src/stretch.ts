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
}

export const intervalMs: Readonly<Record<Interval, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}
const shortestMs = 5 * intervalMs.minute
/** Analytics keeps minutes and hours so long unless told otherwise. */
const minutesKeptMs = 35 * intervalMs.day
const hoursKeptMs = 400 * intervalMs.day

/** The last intervals, the running one included. Days are those of the visitor's place, so only their number is sure. */
export function stretchOf(name: SpanName, nowMs: number): Stretch {
  const { interval, intervals } = spans.find(({ value }) => value === name) ?? spans[0]
  const oneMs = intervalMs[interval]
  if (interval === 'day') {
    const first = new Date(nowMs)
    first.setHours(0, 0, 0, 0)
    first.setDate(first.getDate() - (intervals - 1))
    return { fromMs: first.getTime(), toMs: nowMs, interval }
  }
  const toMs = Math.floor(nowMs / oneMs) * oneMs + oneMs
  return { fromMs: toMs - intervals * oneMs, toMs, interval }
}

/** As fine as can be seen, and as is kept. */
export function zoomedStretch({ fromMs, toMs }: Zoom, nowMs: number): Stretch {
  const middleMs = (fromMs + toMs) / 2
  const halfMs = Math.max(toMs - fromMs, shortestMs) / 2
  const widthMs = 2 * halfMs
  const ageMs = nowMs - (middleMs - halfMs)
  const interval =
    widthMs <= 6 * intervalMs.hour && ageMs < minutesKeptMs - intervalMs.day
      ? 'minute'
      : widthMs <= 15 * intervalMs.day && ageMs < hoursKeptMs - intervalMs.day
        ? 'hour'
        : 'day'
  const oneMs = intervalMs[interval]
  const wholeFromMs = Math.floor((middleMs - halfMs) / oneMs) * oneMs
  return { fromMs: wholeFromMs, toMs: Math.ceil((middleMs + halfMs) / oneMs) * oneMs, interval }
}
