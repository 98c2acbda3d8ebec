import { useMemo, useState } from 'preact/hooks'
import type { SloView } from '../api.ts'
import { milliseconds, millisecondsTick, rate, tick } from '../format.ts'
import { Choice } from './choice.tsx'
import { TimeChart } from './time-chart.tsx'

type Charts = NonNullable<SloView['charts']>
type Chart = Charts['services'][number]

/** The whole range, so that a young fleet's short history is not drawn as if it filled it. */
const rangeSeconds: Readonly<Record<Charts['range'], number>> = {
  '1h': 3_600,
  '6h': 21_600,
  '24h': 86_400,
  '7d': 604_800,
}

function stretchOf(charts: Charts): [number, number] | undefined {
  const last = charts.times.at(-1)
  return last === undefined ? undefined : [last - rangeSeconds[charts.range], last]
}

function useChosen(charts: Charts): [Chart | undefined, (service: string) => void] {
  const [chosen, setChosen] = useState('redirect')
  return [charts.services.find(({ service }) => service === chosen) ?? charts.services[0], setChosen]
}

function ServiceChoice(props: {
  name: string
  charts: Charts
  chart: Chart | undefined
  onChoose: (service: string) => void
}) {
  const options = props.charts.services.map(({ service }) => ({ value: service, label: service }))
  return (
    <Choice
      label="Service"
      name={props.name}
      options={options}
      value={props.chart?.service ?? ''}
      onChoose={props.onChoose}
    />
  )
}

const nothing = <p class="muted">Prometheus has seen no requests in this stretch of time.</p>

export function LatencyCharts({ charts, thresholdMs }: { charts: Charts; thresholdMs: number }) {
  const [chart, choose] = useChosen(charts)
  const series = useMemo(
    () =>
      chart === undefined
        ? []
        : [
            { label: 'p50', color: '--sea', values: chart.p50 },
            { label: 'p99', color: '--amber', values: chart.p99 },
            { label: 'p99.9', color: '--violet', values: chart.p999 },
          ],
    [chart],
  )
  const stretch = stretchOf(charts)
  return (
    <section class="card" aria-labelledby="latency-title">
      <div class="card-head">
        <h3 id="latency-title">Time to answer</h3>
        <ServiceChoice name="latency-service" charts={charts} chart={chart} onChoose={choose} />
      </div>
      {chart === undefined ? (
        nothing
      ) : (
        <TimeChart
          label={`Percentiles of the time to answer of ${chart.service}, with a line at ${thresholdMs} milliseconds`}
          times={charts.times}
          series={series}
          format={milliseconds}
          formatTick={millisecondsTick}
          isLogarithmic
          line={{ value: thresholdMs, label: `${thresholdMs} ms` }}
          {...(stretch === undefined ? {} : { stretch })}
        />
      )}
    </section>
  )
}

export function RequestCharts({ charts }: { charts: Charts }) {
  const [chart, choose] = useChosen(charts)
  const series = useMemo(
    () =>
      chart === undefined
        ? []
        : [
            { label: 'good per second', color: '--sea', values: chart.good, isFilled: true },
            { label: 'bad per second', color: '--buoy', values: chart.bad, isFilled: true },
          ],
    [chart],
  )
  const stretch = stretchOf(charts)
  return (
    <section class="card" aria-labelledby="requests-title">
      <div class="card-head">
        <h3 id="requests-title">Good and bad requests</h3>
        <ServiceChoice name="requests-service" charts={charts} chart={chart} onChoose={choose} />
      </div>
      {chart === undefined ? (
        nothing
      ) : (
        <TimeChart
          label={`Good and bad requests per second of ${chart.service}`}
          times={charts.times}
          series={series}
          format={rate}
          formatTick={tick}
          heightPx={200}
          {...(stretch === undefined ? {} : { stretch })}
        />
      )}
    </section>
  )
}
