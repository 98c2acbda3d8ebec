/**
 * Every question that the console puts to Prometheus: a closed set. A visitor chooses a range from a list and
 * nothing else, so no text of theirs is ever part of a query.
 */
import { slos } from '@linkfleet/slo/generated/objectives'
import type { RatioSlo } from '@linkfleet/slo/objective'
import type { SloRange } from './views.ts'

/** The objectives that are judged by requests, each day. */
const judged: readonly RatioSlo[] = slos.filter(
  (slo): slo is RatioSlo => slo.indicator.kind === 'ratio' && slo.period === '1d',
)
const first = judged[0]
if (first === undefined) throw new Error('deploy/slo has no objective for the requests of a day')

/** Good is: not 5xx, and answered within this time. The histogram has a bucket of exactly this bound. */
export const thresholdSeconds = first.indicator.thresholdSeconds
/** The share of each day's requests that must be good. */
export const objective = first.target
/** Services whose requests count, in the order of showing. */
export const countedServices: readonly string[] = judged.map(({ service }) => service)
/** Services whose latencies are drawn. */
export const drawnServices = ['redirect', 'shortener', 'analytics', 'console'] as const

/** Routes outside the latency SLI of a service, as deploy/slo has them, as a regular expression; '' for none. */
export function outsideRoutes(service: string): string {
  return judged.find((slo) => slo.service === service)?.indicator.excludedRoutes ?? ''
}

function ofDay(counter: 'good' | 'total', day: string): string {
  return judged
    .map(({ indicator }) => `sum by (service, instance) (increase(${indicator[counter]}[${day}]))`)
    .join(' or ')
}

/**
 * Recorded by deploy/prometheus/rules/durations.yml: a day of the raw histograms of every route, status and instance
 * would be millions of samples for each question.
 */
const recordedBuckets = 'service_le:http_request_duration_seconds_bucket:rate1m'
const recordedGood = 'service:http_requests_good:rate1m'
const drawn = `service=~"${drawnServices.join('|')}"`

interface RangeShape {
  readonly seconds: number
  readonly stepSeconds: number
  /** At least a step, so that no request falls between two points. */
  readonly meanWindowSeconds: number
}

export const rangeShapes: Readonly<Record<SloRange, RangeShape>> = {
  '1h': { seconds: 3_600, stepSeconds: 15, meanWindowSeconds: 30 },
  '6h': { seconds: 21_600, stepSeconds: 60, meanWindowSeconds: 120 },
  '24h': { seconds: 86_400, stepSeconds: 300, meanWindowSeconds: 300 },
  '7d': { seconds: 604_800, stepSeconds: 1_800, meanWindowSeconds: 1_800 },
}

function quantile(q: number, window: string): string {
  return `histogram_quantile(${q}, avg_over_time(${recordedBuckets}{${drawn}}[${window}]))`
}

/** Questions about now. `daySeconds` is the age of the UTC day. */
export function instantQueries(daySeconds: number) {
  const day = `${Math.max(60, Math.floor(daySeconds))}s`
  return {
    total: ofDay('total', day),
    good: ofDay('good', day),
    p50: quantile(0.5, '5m'),
    p99: quantile(0.99, '5m'),
    p999: quantile(0.999, '5m'),
    errorBudget: 'slo:error_budget:ratio',
    budgetLeft: 'slo:period_error_budget_remaining:ratio',
    errorRatios: '{__name__=~"slo:sli_error:ratio_rate.+"}',
    alerts: 'ALERTS{alertstate="firing"}',
    silent: 'up == 0',
  } as const
}

/** Questions about a stretch of time. */
export function rangeQueries(range: SloRange) {
  const window = `${rangeShapes[range].meanWindowSeconds}s`
  return {
    p50: quantile(0.5, window),
    p99: quantile(0.99, window),
    p999: quantile(0.999, window),
    total: `sum by (service) (avg_over_time(${recordedBuckets}{${drawn},le="+Inf"}[${window}]))`,
    good: `sum by (service) (avg_over_time(${recordedGood}{${drawn}}[${window}]))`,
  } as const
}

export type InstantName = keyof ReturnType<typeof instantQueries>
export type RangeName = keyof ReturnType<typeof rangeQueries>
