/** When a budget was spent, and by what: steps with bad requests that follow each other are one episode. */
import type { Series } from '../monitoring.ts'
import type { BadRequests, Episode } from './day-report.ts'

export const episodesMax = 50

interface Step {
  readonly endSeconds: number
  readonly requests: number
  readonly bad: readonly BadRequests[]
}

export function badOf(
  labels: Readonly<Record<string, string>>,
  kind: BadRequests['kind'],
  count: number,
): BadRequests {
  const { instance = '', route = '', method = '', code = '' } = labels
  return { instance, route, method, code, kind, count: Math.round(count) }
}

export interface StepAnswers {
  readonly total: readonly Series[]
  readonly errors: readonly Series[]
  readonly slow: readonly Series[]
}

/** `allowedBad` is the day's whole budget in requests. */
export function episodesOf(
  answers: StepAnswers,
  stepSeconds: number,
  allowedBad: number,
): readonly Episode[] {
  const runs: Step[][] = []
  for (const step of stepsOf(answers)) {
    const run = runs.at(-1)
    const isNext = run !== undefined && (run.at(-1)?.endSeconds ?? 0) + stepSeconds >= step.endSeconds
    if (isNext) run.push(step)
    else runs.push([step])
  }
  const episodes = runs.map((run) => episodeOf(run, stepSeconds, allowedBad))
  const largest = [...episodes].sort((a, b) => b.bad - a.bad).slice(0, episodesMax)
  return largest.sort((a, b) => a.from.localeCompare(b.from))
}

function stepsOf({ total, errors, slow }: StepAnswers): Step[] {
  const requests = new Map(total.flatMap(({ points }) => points.map(([time, value]) => [time, value ?? 0])))
  const bad = new Map<number, BadRequests[]>()
  const kinds = [
    ['error', errors],
    ['slow', slow],
  ] as const
  for (const [kind, series] of kinds) {
    for (const { labels, points } of series) {
      for (const [time, value] of points) {
        if (value === null || value < 0.5) continue
        bad.set(time, [...(bad.get(time) ?? []), badOf(labels, kind, value)])
      }
    }
  }
  return [...bad]
    .sort(([a], [b]) => a - b)
    .map(([endSeconds, list]) => ({ endSeconds, requests: requests.get(endSeconds) ?? 0, bad: list }))
}

function episodeOf(run: readonly Step[], stepSeconds: number, allowedBad: number): Episode {
  const all = mostFirst(run.flatMap((step) => step.bad))
  const bad = all.reduce((sum, { count }) => sum + count, 0)
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  return {
    from: iso((run[0]?.endSeconds ?? 0) - stepSeconds),
    to: iso(run.at(-1)?.endSeconds ?? 0),
    bad,
    requests: Math.round(run.reduce((sum, { requests }) => sum + requests, 0)),
    budgetShare: allowedBad > 0 ? bad / allowedBad : 0,
    mostly: all[0] ?? null,
  }
}

/** Those that differ in nothing but their moment are one. */
export function mostFirst(list: readonly BadRequests[]): BadRequests[] {
  const merged = new Map<string, BadRequests>()
  for (const bad of list) {
    const key = JSON.stringify({ ...bad, count: 0 })
    merged.set(key, { ...bad, count: bad.count + (merged.get(key)?.count ?? 0) })
  }
  return [...merged.values()].sort((a, b) => b.count - a.count)
}
