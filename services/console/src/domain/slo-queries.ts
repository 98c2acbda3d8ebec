/**
 * Every question that the console puts to Prometheus: a closed set. A visitor chooses a range from a list and
 * nothing else, so no text of theirs is ever part of a query.
 */
import type { SloRange } from './views.ts'

/** Good is: not 5xx, and answered within this time. The histogram has a bucket of exactly this bound. */
export const thresholdSeconds = 0.2
/** The share of each day's requests that must be good. */
export const objective = 0.999
/** Services whose requests count, in the order of showing. */
export const countedServices = ['redirect', 'shortener'] as const
/** Services whose latencies are drawn. */
export const drawnServices = ['redirect', 'shortener', 'analytics', 'console'] as const

/** Routes outside the latency SLI, as deploy/slo has them: streams, long work, and the prober's requests. */
export const outsideRoutes = '/-/probe|/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live'

const counted = `service=~"${countedServices.join('|')}",route!~"${outsideRoutes}"`
const good = `le="${thresholdSeconds}",code!~"5.."`

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
    total: `sum by (service, instance) (increase(http_request_duration_seconds_count{${counted}}[${day}]))`,
    good: `sum by (service, instance) (increase(http_request_duration_seconds_bucket{${counted},${good}}[${day}]))`,
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
