/** What the services' own /metrics say, for the fleet page and for the SLO page when Prometheus is away. */

import { boundOf, quantileSeconds } from '@linkfleet/slo/histogram'
import type { InstanceAnswer, Sample } from '../ports.ts'
import { parseExposition } from './exposition.ts'
import { figuresOf } from './instance-figures.ts'
import { countedServices, outsideRoutes, thresholdSeconds } from './slo-queries.ts'
import { requestsView } from './slo-report.ts'
import type { InstanceView, ServiceView } from './views.ts'

const countName = 'http_request_duration_seconds_count'
const bucketName = 'http_request_duration_seconds_bucket'
const processNames = [
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
  'nodejs_eventloop_lag_p99_seconds',
  'runtime_info',
]

function sum(samples: readonly Sample[]): number {
  return samples.reduce((total, sample) => total + (sample.value ?? 0), 0)
}

function isCounted(service: string): (sample: Sample) => boolean {
  const outside = new RegExp(`^(?:${outsideRoutes(service)})$`)
  return ({ labels }) => !outside.test(labels.route ?? '')
}

/** Requests and latencies by service since each process started, over all instances that answered. */
export function serviceViewsOf(answers: readonly InstanceAnswer[]): readonly ServiceView[] {
  return countedServices.flatMap((service): ServiceView[] => {
    const pages = answers.filter((answer) => answer.address.service === service && answer.metrics !== null)
    if (pages.length === 0) return []
    const read = pages.map((page) => ({
      name: page.address.adminUrl,
      ...countedOf(page.metrics ?? '', service),
    }))
    const requests = requestsView(sum(read.flatMap(({ counts }) => counts)), goodOf(read))
    if (requests === null) return []
    const instances = read.flatMap((page) => {
      const own = requestsView(sum(page.counts), goodOf([page]))
      return own === null ? [] : [{ name: page.name, requests: own }]
    })
    return [{ service, requests, instances, latencyMs: latencyOf(read.flatMap(({ buckets }) => buckets)) }]
  })
}

function countedOf(metrics: string, service: string) {
  const read = parseExposition(metrics, [countName, bucketName])
  return {
    counts: (read.get(countName) ?? []).filter(isCounted(service)),
    buckets: (read.get(bucketName) ?? []).filter(isCounted(service)),
  }
}

function goodOf(pages: readonly { readonly buckets: readonly Sample[] }[]): number {
  const isGood = ({ labels }: Sample) =>
    boundOf(labels.le) === thresholdSeconds && !/^5..$/.test(labels.code ?? '')
  return sum(pages.flatMap(({ buckets }) => buckets.filter(isGood)))
}

function latencyOf(buckets: readonly Sample[]) {
  const cumulative = new Map<number, number>()
  for (const sample of buckets) {
    const bound = boundOf(sample.labels.le)
    if (bound !== null) cumulative.set(bound, (cumulative.get(bound) ?? 0) + (sample.value ?? 0))
  }
  const inMs = (q: number) => {
    const seconds = quantileSeconds(cumulative, q)
    return seconds === null ? null : seconds * 1000
  }
  return { p50: inMs(0.5), p99: inMs(0.99), p999: inMs(0.999) }
}

interface Readiness {
  readonly status: InstanceView['status']
  readonly dependencies: InstanceView['dependencies']
}

/** An answer that is not a health report counts as silence: what it is cannot be told. */
export function readinessOf(body: string | null): Readiness {
  const silent: Readiness = { status: 'silent', dependencies: [] }
  if (body === null) return silent
  let report: { status?: unknown; dependencies?: unknown }
  try {
    report = JSON.parse(body) ?? {}
  } catch {
    return silent
  }
  const status = (['ready', 'starting', 'draining'] as const).find((known) => known === report.status)
  if (status === undefined) return silent
  const dependencies = Object.entries(report.dependencies ?? {}).map(([name, state]) => ({
    name,
    state: String(state),
  }))
  return { status, dependencies }
}

export function instanceView(answer: InstanceAnswer): InstanceView {
  const { service, adminUrl } = answer.address
  const metrics = parseExposition(answer.metrics ?? '', [countName, ...processNames])
  const first = (name: string) => metrics.get(name)?.[0]?.value ?? null
  const startedSeconds = first('process_start_time_seconds')
  const lagSeconds = first('nodejs_eventloop_lag_p99_seconds')
  const counts = metrics.get(countName) ?? []
  return {
    service,
    adminUrl,
    ...readinessOf(answer.readiness),
    startedAt: startedSeconds === null ? null : new Date(startedSeconds * 1000).toISOString(),
    memoryBytes: first('process_resident_memory_bytes'),
    cpuSeconds: first('process_cpu_seconds_total'),
    eventLoopLagP99Ms: lagSeconds === null ? null : lagSeconds * 1000,
    requests: counts.length === 0 ? null : sum(counts),
    version: metrics.get('runtime_info')?.[0]?.labels.version ?? null,
    figures: figuresOf(service, answer.metrics ?? ''),
  }
}
