import { useState } from 'preact/hooks'
import { api, type SloRange, type SloView } from '../api.ts'
import { clock, lasting } from '../format.ts'
import { Choice } from '../parts/choice.tsx'
import { BudgetHead } from '../parts/slo-budget.tsx'
import { LatencyCharts, RequestCharts } from '../parts/slo-charts.tsx'
import { ObjectiveTable, ServiceTable } from '../parts/slo-tables.tsx'
import { Failed, Loading, Stale } from '../parts/states.tsx'
import { useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

const refreshMs = 5_000

const ranges = [
  { value: '1h', label: '1 hour' },
  { value: '6h', label: '6 hours' },
  { value: '24h', label: '24 hours' },
  { value: '7d', label: '7 days' },
] as const satisfies readonly { value: SloRange; label: string }[]

export function SloPage() {
  useTitle('SLO')
  const [range, setRange] = useState<SloRange>('1h')
  const loaded = useLoad(`slo ${range}`, () => api.readSlo(range), refreshMs)
  const slo = loaded.data
  return (
    <div class="page slo-page">
      {slo === null ? (
        <>
          <h1>Service level</h1>
          {loaded.failure === null ? (
            <Loading label="Loading the service level" lines={7} />
          ) : (
            <Failed failure={loaded.failure} retry={loaded.reload} />
          )}
        </>
      ) : (
        <>
          <BudgetHead slo={slo} />
          <Stale failure={loaded.failure} />
          <Troubles slo={slo} />
          <ServiceTable slo={slo} />
          <div class="section-head">
            <h2>Over time</h2>
            <Choice label="Stretch of time" name="range" options={ranges} value={range} onChoose={setRange} />
          </div>
          <Charts slo={slo} />
          <ObjectiveTable objectives={slo.objectives} />
          <p class="muted small">
            As of {clock(slo.asOf)}. The day is a UTC day;{' '}
            {lasting(Date.parse(slo.day.endsAt) - Date.parse(slo.asOf))} of it remain. Percentiles are read
            from histograms. <a href="/slo/report">Report of a day</a>: what it kept of its promises, and what
            is owed.
          </p>
        </>
      )}
    </div>
  )
}

function Charts({ slo }: { slo: SloView }) {
  if (slo.charts === null) {
    return (
      <div class="card">
        <p class="muted">{slo.chartsProblem} The lines come back when it answers.</p>
      </div>
    )
  }
  return (
    <>
      <LatencyCharts charts={slo.charts} thresholdMs={slo.thresholdMs} />
      <RequestCharts charts={slo.charts} />
    </>
  )
}

/** What a person must know before believing the numbers, and what is firing. */
function Troubles({ slo }: { slo: SloView }) {
  return (
    <>
      {slo.source === 'services' && (
        <p class="notice notice-warn" role="status" data-testid="slo-fallback">
          {slo.problem} The numbers below are the services’ own, counted since each process started: not a
          day’s budget.
        </p>
      )}
      {slo.alerts.length > 0 && (
        <ul class="alerts" aria-label="Firing alerts">
          {slo.alerts.map((alert) => (
            <li
              key={`${alert.name} ${alert.service} ${alert.severity}`}
              class={alert.severity === 'page' ? 'notice notice-bad' : 'notice notice-warn'}
            >
              <b>{alert.name}</b> is firing{alert.service === '' ? '' : ` for ${alert.service}`}
              {alert.severity === '' ? '' : ` (${alert.severity})`}
            </li>
          ))}
        </ul>
      )}
      {slo.silentInstances.length > 0 && (
        <p class="notice notice-warn" role="status">
          Not answering: {slo.silentInstances.join(', ')}. What they would have recorded is missing here.
        </p>
      )}
    </>
  )
}
