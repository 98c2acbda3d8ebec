/** The two questions about the fleet as a whole, answered from Prometheus and from the instances themselves. */
import { type Instances, type Monitoring, MonitoringAway, type Sample, type Series } from '../ports.ts'
import { instanceView, readinessOf, serviceViewsOf } from './own-metrics.ts'
import {
  type InstantName,
  instantQueries,
  objective,
  type RangeName,
  rangeQueries,
  rangeShapes,
  thresholdSeconds,
} from './slo-queries.ts'
import { alertViews, chartsView, dayOf, objectiveViews, serviceViews, silentInstances } from './slo-report.ts'
import type { FleetView, SloRange, SloView } from './views.ts'

export interface SloSources {
  readonly monitoring: Monitoring
  readonly instances: Instances
  /** Told when Prometheus could not be asked. */
  readonly onMonitoringAway: (cause: unknown) => void
}

/** Answers every name's query at once; the first one that fails fails all. */
async function askAll<N extends string, T>(
  queries: Readonly<Record<N, string>>,
  ask: (query: string) => Promise<readonly T[]>,
): Promise<Record<N, readonly T[]>> {
  const names = Object.keys(queries) as N[]
  const answers = await Promise.all(names.map((name) => ask(queries[name])))
  return Object.fromEntries(names.map((name, index) => [name, answers[index]])) as Record<N, readonly T[]>
}

function frame(nowMs: number) {
  return {
    asOf: new Date(nowMs).toISOString(),
    day: dayOf(nowMs),
    objective,
    thresholdMs: thresholdSeconds * 1000,
  }
}

/** A long range may be too much for a busy Prometheus that still answers what is asked about now. */
async function readCharts(monitoring: Monitoring, range: SloRange, nowSeconds: number) {
  const { seconds, stepSeconds } = rangeShapes[range]
  // Whole steps, so that a repeated question draws the same points instead of a flickering line.
  const endSeconds = Math.floor(nowSeconds / stepSeconds) * stepSeconds
  const stretch = { startSeconds: endSeconds - seconds, endSeconds, stepSeconds }
  try {
    const answers = await askAll<RangeName, Series>(rangeQueries(range), (query) =>
      monitoring.range({ query, ...stretch }),
    )
    return { charts: chartsView(range, answers), chartsProblem: null }
  } catch (error) {
    if (!(error instanceof MonitoringAway)) throw error
    return { charts: null, chartsProblem: error.message }
  }
}

async function readFromPrometheus(monitoring: Monitoring, range: SloRange, nowMs: number): Promise<SloView> {
  const nowSeconds = nowMs / 1000
  const [instant, charts] = await Promise.all([
    askAll<InstantName, Sample>(instantQueries(nowSeconds % 86_400), (query) =>
      monitoring.instant(query, nowSeconds),
    ),
    readCharts(monitoring, range, nowSeconds),
  ])
  return {
    ...frame(nowMs),
    source: 'prometheus',
    problem: null,
    services: serviceViews(instant),
    objectives: objectiveViews(instant),
    alerts: alertViews(instant.alerts),
    silentInstances: silentInstances(instant.silent),
    ...charts,
  }
}

async function readFromServices(instances: Instances, problem: string, nowMs: number): Promise<SloView> {
  const answers = await instances.askAll()
  return {
    ...frame(nowMs),
    source: 'services',
    problem,
    services: serviceViewsOf(answers),
    objectives: [],
    alerts: [],
    silentInstances: answers
      .filter((answer) => readinessOf(answer.readiness).status === 'silent')
      .map(({ address }) => `${address.service} at ${address.adminUrl}`),
    charts: null,
    chartsProblem: 'What was over time is known to Prometheus alone.',
  }
}

export async function readSlo(sources: SloSources, range: SloRange, nowMs: number): Promise<SloView> {
  try {
    return await readFromPrometheus(sources.monitoring, range, nowMs)
  } catch (error) {
    if (!(error instanceof MonitoringAway)) throw error
    sources.onMonitoringAway(error)
    return await readFromServices(sources.instances, error.message, nowMs)
  }
}

export async function readFleet(instances: Instances, nowMs: number): Promise<FleetView> {
  const answers = await instances.askAll()
  return { asOf: new Date(nowMs).toISOString(), instances: answers.map(instanceView) }
}
