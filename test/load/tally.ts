/**
 * The load generator's own tallies against what the fleet says it did: every request that k6 made must be one that a service
 * counted, and every link it followed one click in the statistics. Pure.
 *
 * A service that ended cleanly during the load told its last counters in its log; one that was killed could not, and then
 * nothing is claimed about it.
 */
import { probePath } from '@linkfleet/contracts/probe'
import { sumOf } from '../bench/metrics-page.ts'

export const tallied = ['redirect', 'shortener', 'analytics'] as const
export type Tallied = (typeof tallied)[number]

/** What one instance told at one moment. */
export interface InstanceCount {
  readonly instance: string
  readonly service: Tallied
  /** Of the process: another moment means another process. */
  readonly startedSeconds: number
  readonly requests: number
}

const startMetric = 'process_start_time_seconds'
export const requestsMetric = 'http_request_duration_seconds_count'
/** The prober's requests are not the load's. */
const probe = { route: probePath }

export function countOf(instance: string, service: Tallied, page: string): InstanceCount {
  const requests = sumOf(page, requestsMetric) - sumOf(page, requestsMetric, probe)
  return { instance, service, startedSeconds: sumOf(page, startMetric), requests }
}

/** What an instance's log says of processes that ended: their requests, oldest first, by the moment of the end. */
export interface LastCount {
  readonly endedAtMs: number
  readonly requests: number
}

/** Reads the `final counters` lines of a log of JSON lines; others are passed over. */
export function lastCounts(log: string): LastCount[] {
  return log.split('\n').flatMap((line) => {
    if (!line.includes('"final counters"')) return []
    const entry = JSON.parse(line) as { time: string | number; counters?: Record<string, number> }
    const page = Object.entries(entry.counters ?? {}).map(([name, value]) => `${name} ${value}`)
    const requests = sumOf(page.join('\n'), requestsMetric) - sumOf(page.join('\n'), requestsMetric, probe)
    return [{ endedAtMs: new Date(entry.time).getTime(), requests }]
  })
}

/**
 * Requests that an instance served between two looks. `null`: a process ended without telling its counters.
 * `ended` are those that ended between the looks, oldest first.
 */
export function servedBetween(
  before: InstanceCount,
  after: InstanceCount,
  ended: readonly LastCount[],
): number | null {
  if (before.startedSeconds === after.startedSeconds) return after.requests - before.requests
  if (ended.length === 0) return null
  return ended.reduce((sum, { requests }) => sum + requests, 0) - before.requests + after.requests
}

export interface Line {
  readonly what: string
  readonly generator: number
  /** null: a process ended without telling its counters. */
  readonly fleet: number | null
  /** Bounds of what the fleet may say. They differ from k6's number only by requests that k6 saw no answer to. */
  readonly fewest: number
  readonly most: number
}

/** What k6 counted of one service. */
export interface Generated {
  readonly requests: number
  /** Among the requests: cut off or refused, so that the fleet may or may not have counted them. */
  readonly unanswered: number
}

export function requestsLine(service: Tallied, generated: Generated, fleet: number | null): Line {
  const { requests, unanswered } = generated
  return {
    what: `requests to ${service}`,
    generator: requests,
    fleet,
    fewest: requests - unanswered,
    most: requests,
  }
}

/** A redirect whose answer was lost on its way is a click all the same. */
export function clicksLine(followed: number, unanswered: number, clicks: number): Line {
  return {
    what: 'links followed, clicks',
    generator: followed,
    fleet: clicks,
    fewest: followed,
    most: followed + unanswered,
  }
}

export const agrees = ({ fleet, fewest, most }: Line): boolean =>
  fleet !== null && fleet >= fewest && fleet <= most

function verdictOf(line: Line): string {
  const { generator, fleet, fewest, most } = line
  if (fleet === null) return ''
  if (fleet === generator) return 'equal'
  return agrees(line) ? `agrees: ${most - fewest} had no answer` : 'NOT EQUAL'
}

export function tallyText(lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const fleet = line.fleet === null ? 'unknown: a process was killed' : line.fleet.toLocaleString('en-US')
    return `  ${line.what.padEnd(22)} k6 ${line.generator.toLocaleString('en-US').padStart(11)}   fleet ${fleet.padStart(11)}   ${verdictOf(line)}`
  })
  return ['Tallies', ...rows, ''].join('\n')
}
