/** What the fleet promises, as every part that measures, shows or reports it understands it. Written in deploy/slo. */

/** Windows for which there are burn-rate policies. */
export const sloPeriods = ['1d', '30d'] as const
export type SloPeriod = (typeof sloPeriods)[number]

export interface RatioIndicator {
  readonly kind: 'ratio'
  /** PromQL selectors of two cumulative counters. */
  readonly good: string
  readonly total: string
  /** An answer later than this is bad. */
  readonly thresholdSeconds: number
  /** A regular expression of the routes that do not count, '' for none. */
  readonly excludedRoutes: string
}

export interface ThresholdIndicator {
  readonly kind: 'threshold'
  /** An instant expression of one value; each evaluation is one sample. */
  readonly query: string
  /** `lte`: good while it is at most `value`; `gte`: while it is at least that. */
  readonly op: 'lte' | 'gte'
  readonly value: number
}

export type Indicator = RatioIndicator | ThresholdIndicator

export interface Slo {
  /** `redirect-requests-1d`; unique over all files. */
  readonly id: string
  readonly service: string
  readonly title: string
  readonly description: string
  readonly period: SloPeriod
  /** Between 0 and 1. */
  readonly target: number
  readonly indicator: Indicator
}

export type RatioSlo = Slo & { readonly indicator: RatioIndicator }

/** What a customer is promised of one UTC day, and what is owed when it was missed. Looser than the objective. */
export interface ServiceLevelAgreement {
  readonly name: string
  readonly description: string
  /** Each must have been met; the worst of them decides. */
  readonly services: readonly string[]
  /** Share of a day's requests that are good. */
  readonly promised: number
  /** Fewer requests in a day than this are too few to judge it by. */
  readonly requestsMin: number
  /** Lowest availability last; percent of the fee for that day. */
  readonly credits: readonly { readonly below: number; readonly percent: number }[]
}

/** Percent of the day's fee that is owed for an availability; 0 when the promise was kept. */
export function creditPercent(agreement: ServiceLevelAgreement, availability: number): number {
  const owed = agreement.credits.filter(({ below }) => availability < below).map(({ percent }) => percent)
  return Math.max(0, ...owed)
}
