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
  readonly fleet: number | null
  /** Requests without an answer may or may not have been counted. */
  readonly tolerance: number
}

export const agrees = ({ generator, fleet, tolerance }: Line): boolean =>
  fleet !== null && fleet <= generator && fleet >= generator - tolerance

export function tallyText(lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const fleet = line.fleet === null ? 'unknown: a process was killed' : line.fleet.toLocaleString('en-US')
    const verdict = line.fleet === null ? '' : agrees(line) ? 'equal' : 'NOT EQUAL'
    const spread = line.tolerance > 0 ? ` (${line.tolerance} without an answer)` : ''
    return `  ${line.what.padEnd(22)} k6 ${line.generator.toLocaleString('en-US').padStart(11)}   fleet ${fleet.padStart(11)}   ${verdict}${spread}`
  })
  return ['Tallies', ...rows, ''].join('\n')
}
