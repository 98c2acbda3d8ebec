/** Asks Prometheus what a report needs. A question that it cannot answer throws MonitoringAway: half a report is none. */
import { boundOf, quantileSeconds } from '../histogram.ts'
import type { Monitoring, Sample, Series } from '../monitoring.ts'
import type { RatioSlo, ServiceLevelAgreement, Slo } from '../objective.ts'
import type { Day } from './day.ts'
import type { AlertSpan, DayReport, SampledDay, ServiceDay } from './day-report.ts'
import { badOf, episodesOf, mostFirst } from './episodes.ts'
import { coverageQuery, dayQueries, firingQuery, sampledQuery, stepQueries, stepSeconds } from './queries.ts'
import { verdictOf } from './verdict.ts'

const badByMax = 10
const alertStepSeconds = 60

export interface Promises {
  readonly slos: readonly Slo[]
  readonly agreement: ServiceLevelAgreement
}

export async function readDayReport(
  monitoring: Monitoring,
  { slos, agreement }: Promises,
  day: Day,
  nowSeconds: number,
): Promise<DayReport> {
  const daily = slos.filter(({ period }) => period === '1d')
  const ratios = daily.filter((slo): slo is RatioSlo => slo.indicator.kind === 'ratio')
  const [services, sampled, alerts, coverage] = await Promise.all([
    Promise.all(ratios.map((slo) => readService(monitoring, slo, day))),
    Promise.all(daily.map((slo) => readSampled(monitoring, slo, day))),
    readAlerts(monitoring, day),
    monitoring.instant(coverageQuery(secondsOf(day)), day.endSeconds),
  ])
  return {
    day: day.name,
    from: iso(day.startSeconds),
    to: iso(day.endSeconds),
    isOver: day.isOver,
    madeAt: iso(nowSeconds),
    coverage: Math.min(1, (firstOf(coverage) ?? 0) / Math.max(1, Math.floor(secondsOf(day) / 60))),
    services,
    sampled: sampled.filter((one) => one !== null),
    alerts,
    verdict: verdictOf(agreement, services, day.isOver),
  }
}

const secondsOf = (day: Day): number => day.endSeconds - day.startSeconds
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()
const firstOf = (samples: readonly Sample[]): number | null => samples[0]?.value ?? null

async function readService(monitoring: Monitoring, slo: RatioSlo, day: Day): Promise<ServiceDay> {
  const ask = dayQueries(slo, secondsOf(day))
  const instant = (query: string) => monitoring.instant(query, day.endSeconds)
  const [total, good, durations, errors, slow] = await Promise.all(
    [ask.total, ask.good, ask.durations, ask.errors, ask.slow].map(instant),
  )
  const known = firstOf(total ?? [])
  const requests = known === null ? null : Math.round(known)
  const goodRequests = Math.min(requests ?? 0, Math.round(firstOf(good ?? []) ?? 0))
  const bad = (requests ?? 0) - goodRequests
  const allowedBad = (requests ?? 0) * Number((1 - slo.target).toPrecision(12))
  const badBy = [
    ...(errors ?? []).map(({ labels, value }) => badOf(labels, 'error', value ?? 0)),
    ...(slow ?? []).map(({ labels, value }) => badOf(labels, 'slow', value ?? 0)),
  ]
  return {
    service: slo.service,
    objectiveId: slo.id,
    title: slo.title,
    target: slo.target,
    thresholdMs: slo.indicator.thresholdSeconds * 1000,
    requests,
    good: goodRequests,
    bad,
    availability: requests === null || requests === 0 ? null : goodRequests / requests,
    allowedBad,
    budgetSpent: allowedBad > 0 ? bad / allowedBad : null,
    latencyMs: latencyMsOf(durations ?? []),
    badBy: mostFirst(badBy).slice(0, badByMax),
    episodes: bad === 0 ? [] : await readEpisodes(monitoring, slo, day, allowedBad),
  }
}

function latencyMsOf(durations: readonly Sample[]): ServiceDay['latencyMs'] {
  const buckets = new Map(
    durations.flatMap(({ labels, value }) => {
      const bound = boundOf(labels.le)
      return bound === null || value === null ? [] : [[bound, value] as const]
    }),
  )
  const inMs = (q: number) => {
    const seconds = quantileSeconds(buckets, q)
    return seconds === null ? null : seconds * 1000
  }
  return { p50: inMs(0.5), p90: inMs(0.9), p99: inMs(0.99), p999: inMs(0.999) }
}

async function readEpisodes(monitoring: Monitoring, slo: RatioSlo, day: Day, allowedBad: number) {
  const range = (query: string) => monitoring.range({ query, ...stepsOf(day, stepSeconds) })
  const ask = stepQueries(slo)
  const [total, errors, slow] = await Promise.all([range(ask.total), range(ask.errors), range(ask.slow)])
  return episodesOf({ total, errors, slow }, stepSeconds, allowedBad)
}

/** Each step looks back over itself: the first one ends a step after midnight, the last one holds the day's end. */
function stepsOf(day: Day, step: number) {
  const count = Math.max(1, Math.ceil(secondsOf(day) / step))
  return {
    startSeconds: day.startSeconds + step,
    endSeconds: day.startSeconds + count * step,
    stepSeconds: step,
  }
}

async function readSampled(monitoring: Monitoring, slo: Slo, day: Day): Promise<SampledDay | null> {
  if (slo.indicator.kind !== 'threshold') return null
  const samples = await monitoring.instant(sampledQuery(slo.id, secondsOf(day)), day.endSeconds)
  return { objectiveId: slo.id, title: slo.title, target: slo.target, goodShare: firstOf(samples) }
}

async function readAlerts(monitoring: Monitoring, day: Day): Promise<readonly AlertSpan[]> {
  const query = firingQuery(alertStepSeconds)
  const series = await monitoring.range({ query, ...stepsOf(day, alertStepSeconds) })
  return series
    .flatMap((one) => spansOf(one, day))
    .sort((a, b) => a.from.localeCompare(b.from) || a.name.localeCompare(b.name))
}

/** Each point stands for the minute that ends with it. */
function spansOf({ labels, points }: Series, day: Day): AlertSpan[] {
  const spans: [number, number][] = []
  for (const [time] of points) {
    const last = spans.at(-1)
    const until = Math.min(time, day.endSeconds)
    if (last !== undefined && last[1] + alertStepSeconds >= time) last[1] = until
    else spans.push([time - alertStepSeconds, until])
  }
  const { alertname: name = '', severity = '', service = '' } = labels
  return spans.map(([from, to]) => ({ name, severity, service, from: iso(from), to: iso(to) }))
}
