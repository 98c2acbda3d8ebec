/** From Prometheus' answers to what the SLO page shows. Missing numbers stay missing: nothing is made up as 0 or 1. */
import type { Sample, Series } from '../ports.ts'
import { countedServices, drawnServices, type InstantName, objective, type RangeName } from './slo-queries.ts'
import type {
  AlertView,
  ChartsView,
  Column,
  LatencyView,
  ObjectiveView,
  RequestsView,
  ServiceChart,
  ServiceView,
  SloRange,
} from './views.ts'

export type InstantAnswers = Readonly<Record<InstantName, readonly Sample[]>>
export type RangeAnswers = Readonly<Record<RangeName, readonly Series[]>>

export function dayOf(nowMs: number): { readonly startsAt: string; readonly endsAt: string } {
  const dayMs = 86_400_000
  const startMs = Math.floor(nowMs / dayMs) * dayMs
  return { startsAt: new Date(startMs).toISOString(), endsAt: new Date(startMs + dayMs).toISOString() }
}

/** Request-weighted: the share of the allowed bad requests that is not used up. */
export function requestsView(total: number | null, good: number | null): RequestsView | null {
  if (total === null) return null
  const requests = Math.max(0, Math.round(total))
  const goodRequests = Math.min(requests, Math.max(0, Math.round(good ?? 0)))
  const bad = requests - goodRequests
  const none = requests === 0
  return {
    total: requests,
    good: goodRequests,
    bad,
    availability: none ? null : goodRequests / requests,
    budgetLeft: none ? null : 1 - bad / requests / (1 - objective),
  }
}

function valueFor(samples: readonly Sample[], service: string): number | null {
  return samples.find((sample) => sample.labels.service === service)?.value ?? null
}

/** null when there is nothing to sum. */
function sumOf(samples: readonly Sample[]): number | null {
  const values = samples.flatMap(({ value }) => (value === null ? [] : [value]))
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0)
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}

export function serviceViews(answers: InstantAnswers): readonly ServiceView[] {
  return countedServices.flatMap((service) => {
    const totals = answers.total.filter(({ labels }) => labels.service === service)
    const goods = answers.good.filter(({ labels }) => labels.service === service)
    const requests = requestsView(sumOf(totals), sumOf(goods))
    if (requests === null) return []
    const instances = totals
      .flatMap(({ labels: { instance = 'unnamed' }, value }) => {
        const good = sumOf(goods.filter(({ labels }) => (labels.instance ?? 'unnamed') === instance))
        const own = requestsView(value, good)
        return own === null ? [] : [{ name: instance, requests: own }]
      })
      .sort((one, other) => one.name.localeCompare(other.name))
    const latencyMs: LatencyView = {
      p50: inMs(valueFor(answers.p50, service)),
      p99: inMs(valueFor(answers.p99, service)),
      p999: inMs(valueFor(answers.p999, service)),
    }
    return [{ service, requests, instances, latencyMs }]
  })
}

const windowUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/** Seconds of a window such as 5m, 6h or 30d; the longest for what is not one. */
export function windowSeconds(window: string): number {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(window) ?? []
  return count === undefined ? Number.MAX_SAFE_INTEGER : Number(count) * (windowUnits[unit ?? 's'] ?? 1)
}

function objectiveKey(sample: Sample): string {
  return sample.labels.sloth_id ?? `${sample.labels.sloth_service ?? ''}-${sample.labels.sloth_slo ?? ''}`
}

/** One entry for each objective that the recording rules know, with its burn rate by window. */
export function objectiveViews(answers: InstantAnswers): readonly ObjectiveView[] {
  return answers.errorBudget
    .map((sample) => {
      const id = objectiveKey(sample)
      const budget = sample.value
      const burnRates = answers.errorRatios
        .filter((ratio) => objectiveKey(ratio) === id)
        .map((ratio) => ({
          window: (ratio.labels.__name__ ?? '').replace(/^.*ratio_rate/, ''),
          rate: ratio.value === null || budget === null || budget === 0 ? null : ratio.value / budget,
        }))
        .sort((a, b) => windowSeconds(a.window) - windowSeconds(b.window))
      return {
        id,
        service: sample.labels.sloth_service ?? '',
        name: sample.labels.sloth_slo ?? id,
        objective: budget === null ? null : 1 - budget,
        budgetLeft: answers.budgetLeft.find((left) => objectiveKey(left) === id)?.value ?? null,
        burnRates,
      }
    })
    .sort((a, b) => a.id.localeCompare(b.id))
}

/** What is firing, once: one alert has several windows, which say the same to people. */
export function alertViews(samples: readonly Sample[]): readonly AlertView[] {
  const views = samples.map(({ labels }) => ({
    name: labels.alertname ?? 'unnamed',
    severity: labels.sloth_severity ?? labels.severity ?? '',
    service: labels.sloth_service ?? labels.service ?? labels.job ?? '',
  }))
  return [...new Map(views.map((view) => [JSON.stringify(view), view])).values()]
}

export function silentInstances(samples: readonly Sample[]): readonly string[] {
  return samples.map(({ labels }) => labels.instance ?? labels.job ?? 'unnamed').sort()
}

/** Columns that share one time axis, from the series' own timestamps: a gap in one is null there. */
export function chartsView(range: SloRange, answers: RangeAnswers): ChartsView {
  const times = new Set<number>()
  for (const series of Object.values(answers).flat()) for (const [time] of series.points) times.add(time)
  const axis = [...times].sort((a, b) => a - b)
  const column = (name: RangeName, service: string, factor: number): Column => {
    const series = answers[name].find((candidate) => candidate.labels.service === service)
    const values = new Map(series?.points ?? [])
    return axis.map((time) => {
      const value = values.get(time) ?? null
      return value === null ? null : value * factor
    })
  }
  const services = drawnServices.flatMap((service): ServiceChart[] => {
    const total = column('total', service, 1)
    if (total.every((value) => value === null)) return []
    const good = column('good', service, 1)
    const bad = total.map((value, index) => (value === null ? null : Math.max(0, value - (good[index] ?? 0))))
    const latency = (name: RangeName) => column(name, service, 1000)
    return [{ service, p50: latency('p50'), p99: latency('p99'), p999: latency('p999'), good, bad }]
  })
  return { range, times: axis, services }
}
