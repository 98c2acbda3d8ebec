/** The JSON of Prometheus' query API (https://prometheus.io/docs/prometheus/latest/querying/api/), judged. */
import { MonitoringAway, type Sample, type Series } from './monitoring.ts'

interface RawSeries {
  readonly metric?: Record<string, string>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

/** Prometheus writes numbers as text; "NaN" is its answer to a division by no traffic. */
export function numberOf(text: string | undefined): number | null {
  const value = Number(text)
  return text === undefined || text === '' || !Number.isFinite(value) ? null : value
}

function resultOf(body: string, resultType: 'vector' | 'matrix'): readonly RawSeries[] {
  let answer: { status?: string; error?: string; data?: { resultType?: string; result?: RawSeries[] } }
  try {
    answer = JSON.parse(body) ?? {}
  } catch {
    throw new MonitoringAway('Prometheus answered something that is not JSON.')
  }
  if (answer.status !== 'success') {
    throw new MonitoringAway(`Prometheus refused a query: ${answer.error ?? 'no reason given'}.`)
  }
  const { data } = answer
  if (data?.resultType !== resultType || !Array.isArray(data.result)) {
    throw new MonitoringAway('Prometheus answered in an unknown form.')
  }
  return data.result
}

export function samplesOf(body: string): readonly Sample[] {
  return resultOf(body, 'vector').map((raw) => ({
    labels: raw.metric ?? {},
    value: numberOf(raw.value?.[1]),
  }))
}

export function seriesOf(body: string): readonly Series[] {
  return resultOf(body, 'matrix').map((raw) => ({
    labels: raw.metric ?? {},
    points: (raw.values ?? []).map(([time, value]) => [time, numberOf(value)] as const),
  }))
}
