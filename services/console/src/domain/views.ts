/** What the pages are given as JSON, written once for the server and the browser. */

import type { DayReport } from '@linkfleet/slo/report/day-report'
import type { ReportText } from '@linkfleet/slo/report/sections'

export interface LoginView {
  readonly role: string
  /** null: it does not end by itself. */
  readonly expiresAt: string | null
  /** The base of short URLs. */
  readonly publicUrl: string
}

export const sloRanges = ['1h', '6h', '24h', '7d'] as const
export type SloRange = (typeof sloRanges)[number]

/** Requests of the UTC day so far, or since each process started, as the source says. */
export interface RequestsView {
  readonly total: number
  readonly good: number
  readonly bad: number
  /** Good of total; null without requests. */
  readonly availability: number | null
  /** 1 is an untouched budget, 0 a spent one, below 0 overspent; null without requests. */
  readonly budgetLeft: number | null
}

export interface LatencyView {
  readonly p50: number | null
  readonly p99: number | null
  readonly p999: number | null
}

export interface ServiceView {
  readonly service: string
  readonly requests: RequestsView
  /** The same requests by the instance that answered them. */
  readonly instances: readonly { readonly name: string; readonly requests: RequestsView }[]
  /** In milliseconds, of the last five minutes, or since each process started, as the source says. */
  readonly latencyMs: LatencyView
}

/** One service level objective as the rules know it. */
export interface ObjectiveView {
  readonly id: string
  readonly service: string
  readonly name: string
  /** 0.999, say. */
  readonly objective: number | null
  /** Of the objective's own rolling window. */
  readonly budgetLeft: number | null
  /** 1 spends exactly the budget; by window, shortest first. */
  readonly burnRates: readonly { readonly window: string; readonly rate: number | null }[]
}

export interface AlertView {
  readonly name: string
  readonly severity: string
  readonly service: string
}

export type Column = readonly (number | null)[]

export interface ServiceChart {
  readonly service: string
  /** Milliseconds. */
  readonly p50: Column
  readonly p99: Column
  readonly p999: Column
  /** Requests per second. */
  readonly good: Column
  readonly bad: Column
}

export interface ChartsView {
  readonly range: SloRange
  /** Seconds since the epoch. */
  readonly times: readonly number[]
  readonly services: readonly ServiceChart[]
}

export interface SloView {
  readonly asOf: string
  readonly source: 'prometheus' | 'services'
  /** Why the numbers are not Prometheus'; null when they are. */
  readonly problem: string | null
  readonly day: { readonly startsAt: string; readonly endsAt: string }
  readonly objective: number
  readonly thresholdMs: number
  readonly services: readonly ServiceView[]
  readonly objectives: readonly ObjectiveView[]
  readonly alerts: readonly AlertView[]
  /** Instances that did not answer when they were last asked. */
  readonly silentInstances: readonly string[]
  readonly charts: ChartsView | null
  /** Why there are no charts; null when there are. */
  readonly chartsProblem: string | null
}

export interface InstanceView {
  readonly service: string
  readonly adminUrl: string
  readonly status: 'ready' | 'starting' | 'draining' | 'silent'
  readonly dependencies: readonly { readonly name: string; readonly state: string }[]
  readonly startedAt: string | null
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
  readonly eventLoopLagP99Ms: number | null
  readonly requests: number | null
  readonly version: string | null
  /** What only instances of its service have. */
  readonly figures: readonly { readonly name: string; readonly value: number; readonly unit: FigureUnit }[]
}

/** A flag is 0 or 1. */
export type FigureUnit = 'share' | 'seconds' | 'bytes' | 'count' | 'flag'

export interface FleetView {
  readonly asOf: string
  readonly instances: readonly InstanceView[]
}

/** A day's report, as numbers and as what is read. */
export interface ReportView {
  readonly report: DayReport
  readonly text: ReportText
}
