/**
 * What the latency charts draw, summed up as it happens: a week of the raw histograms, by route, status and instance, would
 * be millions of samples for each look at a chart. The routes are those that deploy/slo leaves out.
 */
import type { RatioIndicator, Slo } from '@linkfleet/slo/objective'
import type { RuleGroup } from './rules.ts'

export function durationRules(slos: readonly Slo[]): RuleGroup {
  const indicators = slos.map(({ indicator }) => indicator).filter((one) => one.kind === 'ratio')
  const excluded = [...new Set(indicators.map(({ excludedRoutes }) => excludedRoutes))].filter(Boolean)
  const counted = `route!~"${excluded.join('|')}"`
  const good = `le="${oneThresholdOf(indicators)}",code!~"5.."`
  return {
    name: 'durations',
    interval: '15s',
    rules: [
      {
        record: 'service_le:http_request_duration_seconds_bucket:rate1m',
        expr: `sum by (service, le) (rate(http_request_duration_seconds_bucket{${counted}}[1m]))`,
        labels: {},
      },
      {
        record: 'service:http_requests_good:rate1m',
        expr: `sum by (service) (rate(http_request_duration_seconds_bucket{${good},${counted}}[1m]))`,
        labels: {},
      },
    ],
  }
}

/** One chart has one line for what is too late. */
function oneThresholdOf(indicators: readonly RatioIndicator[]): number {
  const thresholds = [...new Set(indicators.map(({ thresholdSeconds }) => thresholdSeconds))]
  if (thresholds.length !== 1 || thresholds[0] === undefined)
    throw new Error(
      `deploy/slo: the objectives of requests need one bound of latency, not ${thresholds.length}`,
    )
  return thresholds[0]
}
