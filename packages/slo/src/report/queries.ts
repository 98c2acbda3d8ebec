/** The questions of a report, put to Prometheus at the end of the day for the whole of it. */
import type { RatioSlo } from '../objective.ts'

export const stepSeconds = 300

const by = 'instance, route, method, code'

const including = (selector: string, matcher: string): string => selector.replace(/\}$/, `,${matcher}}`)

export function dayQueries({ indicator }: RatioSlo, seconds: number) {
  const window = `${seconds}s`
  const buckets = indicator.good.replace(/le="[^"]*",?/, '').replace(/code!~"5\.\.",?/, '')
  const { errors, slow } = badRequests(indicator, window)
  return {
    total: `sum(increase(${indicator.total}[${window}]))`,
    good: `sum(increase(${indicator.good}[${window}]))`,
    // All percentiles come of one look: the raw samples of a day are much to read.
    durations: `sum by (le) (increase(${buckets}[${window}]))`,
    errors,
    slow,
  } as const
}

/** For each step of five minutes, what went wrong in it and how much there was. */
export function stepQueries({ indicator }: RatioSlo) {
  const window = `${stepSeconds}s`
  const { errors, slow } = badRequests(indicator, window)
  return { total: `sum(increase(${indicator.total}[${window}]))`, errors, slow } as const
}

function badRequests(indicator: RatioSlo['indicator'], window: string) {
  const good = `sum by (${by}) (increase(${indicator.good}[${window}]))`
  const answered = including(indicator.total, 'code!~"5.."')
  const failed = including(indicator.total, 'code=~"5.."')
  return {
    errors: `sum by (${by}) (increase(${failed}[${window}])) > 0.5`,
    slow: `(sum by (${by}) (increase(${answered}[${window}])) - ${good}) > 0.5`,
  }
}

/** Of the samples that the rules recorded and alerts are judged by: anything coarser misses what is bad for a moment. */
export const sampledQuery = (objectiveId: string, seconds: number): string =>
  `1 - avg_over_time(slo:sli_bad:sample{sloth_id="${objectiveId}"}[${seconds}s])`

export const coverageQuery = (seconds: number): string =>
  `count_over_time((count(up{job="linkfleet"} == 1))[${seconds}s:60s])`

/** Over each step whole: an alert that is over between two looks has fired all the same. */
export const firingQuery = (stepSeconds: number): string =>
  `count_over_time(ALERTS{alertstate="firing"}[${stepSeconds}s])`
