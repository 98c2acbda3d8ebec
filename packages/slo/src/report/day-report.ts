/** What a day kept of its promises. Counts are those of Prometheus' `increase`, rounded; null is what nobody knows. */

export interface BadRequests {
  readonly instance: string
  readonly route: string
  readonly method: string
  readonly code: string
  /** `error`: answered 5xx; `slow`: answered well, too late. */
  readonly kind: 'error' | 'slow'
  readonly count: number
}

/** A stretch of five-minute steps in a row that each had bad requests. */
export interface Episode {
  readonly from: string
  readonly to: string
  readonly bad: number
  readonly requests: number
  /** Of the whole day's budget. */
  readonly budgetShare: number
  /** What the most of them were. */
  readonly mostly: BadRequests | null
}

export interface ServiceDay {
  readonly service: string
  readonly objectiveId: string
  readonly title: string
  readonly target: number
  readonly thresholdMs: number
  /** null: there is no data of this service. */
  readonly requests: number | null
  readonly good: number
  readonly bad: number
  /** Good of all; null without requests. */
  readonly availability: number | null
  /** Bad requests that the day allowed. */
  readonly allowedBad: number
  /** 1 is a budget wholly spent; null without requests. */
  readonly budgetSpent: number | null
  readonly latencyMs: {
    readonly p50: number | null
    readonly p90: number | null
    readonly p99: number | null
    readonly p999: number | null
  }
  /** Most first, at most ten. */
  readonly badBy: readonly BadRequests[]
  /** In the order of time, at most 50: the largest. */
  readonly episodes: readonly Episode[]
}

/** Objectives that are judged by samples: freshness of clicks, supply of codes. */
export interface SampledDay {
  readonly objectiveId: string
  readonly title: string
  readonly target: number
  /** Good of all samples; null without any. */
  readonly goodShare: number | null
}

export interface AlertSpan {
  readonly name: string
  readonly severity: string
  readonly service: string
  readonly from: string
  readonly to: string
}

export interface Verdict {
  readonly agreement: string
  readonly description: string
  readonly promised: number
  /** `open`: the day is not over. `not judged`: too few requests, or no data. */
  readonly outcome: 'kept' | 'missed' | 'not judged' | 'open'
  /** Of the services that are judged, the lowest; null where none is. */
  readonly availability: number | null
  /** Of the day's fee; so far, while the day is open. */
  readonly creditPercent: number
}

export interface DayReport {
  readonly day: string
  readonly from: string
  readonly to: string
  readonly isOver: boolean
  readonly madeAt: string
  /** Minutes in which Prometheus heard of any instance, of all minutes of the day so far. */
  readonly coverage: number
  readonly services: readonly ServiceDay[]
  readonly sampled: readonly SampledDay[]
  readonly alerts: readonly AlertSpan[]
  readonly verdict: Verdict
}
