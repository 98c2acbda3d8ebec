/** Days as people of a place have them: by the IANA time zone database that the runtime carries. */
import { dayMs } from '../grains.ts'

const hourMs = 3_600_000
/** The farthest that local midnight lies from midnight in UTC, shifts of the clock included. */
const reachMs = 16 * hourMs
const keptMax = 500
const namePattern = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/

/** Days are numbered by their date, 1 January 1970 being 0. */
export interface Timezone {
  readonly name: string
  /** The day that holds a moment. */
  dayOf(ms: number): number
  /** The first moment of a day. Not always midnight: some clocks are put forward then. */
  startOfDay(day: number): number
}

export const utc: Timezone = {
  name: 'UTC',
  dayOf: (ms) => Math.floor(ms / dayMs),
  startOfDay: (day) => day * dayMs,
}

const kept = new Map<string, Timezone>()

/** undefined when there is no zone of this name. */
export function timezoneOf(name: string): Timezone | undefined {
  const known = kept.get(name)
  if (known !== undefined) return known
  const zone = namePattern.test(name) ? open(name) : undefined
  if (zone === undefined) return undefined
  if (kept.size >= keptMax) kept.clear()
  kept.set(name, zone)
  return zone
}

function open(name: string): Timezone | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { ...fields, timeZone: name })
  } catch {
    return undefined
  }
  const { timeZone } = format.resolvedOptions()
  if (timeZone === 'UTC') return utc
  const dayOf = (ms: number) => Math.floor(localMs(format, ms) / dayMs)
  const offsetMs = (ms: number) => localMs(format, ms) - ms

  function startOfDay(day: number): number {
    const midnightMs = day * dayMs
    const nearMs = midnightMs - offsetMs(midnightMs)
    const startMs = midnightMs - offsetMs(nearMs)
    if (dayOf(startMs) === day && dayOf(startMs - 1) < day) return startMs
    return search(midnightMs - reachMs, midnightMs + reachMs, (ms) => dayOf(ms) >= day)
  }
  return { name: nameOf(name, timeZone), dayOf, startOfDay }
}

/** The name that was asked for, not an older one of the same place; only its case is mended, where that is all. */
function nameOf(asked: string, known: string): string {
  return asked.toLowerCase() === known.toLowerCase() ? known : asked
}

const fields = {
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const

/** The clock of the zone, read as if it were UTC. */
function localMs(format: Intl.DateTimeFormat, ms: number): number {
  const wholeMs = Math.floor(ms / 1000) * 1000
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of format.formatToParts(wholeMs)) parts[type] = Number(value)
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second) + (ms - wholeMs)
}

/** The first moment of which `holds` is true: false before it, true from it on. */
function search(falseMs: number, trueMs: number, holds: (ms: number) => boolean): number {
  let low = falseMs
  let high = trueMs
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle
  }
  return high
}
