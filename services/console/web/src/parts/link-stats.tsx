import { useMemo, useState } from 'preact/hooks'
import { api, type Interval, type Named, type Stats } from '../api.ts'
import { clock, count, tick } from '../format.ts'
import { useLoad } from '../use-load.ts'
import { Choice } from './choice.tsx'
import { Failed, Loading, Stale } from './states.tsx'
import { TimeChart } from './time-chart.tsx'

const spans = [
  { value: 'hour', label: 'Hour', interval: 'minute', buckets: 60 },
  { value: 'day', label: 'Day', interval: 'hour', buckets: 24 },
  { value: 'month', label: '30 days', interval: 'day', buckets: 30 },
  { value: 'year', label: 'Year', interval: 'day', buckets: 365 },
] as const satisfies readonly { value: string; label: string; interval: Interval; buckets: number }[]

type Span = (typeof spans)[number]

const intervalMs: Readonly<Record<Interval, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }
const refreshMs = 5_000

/** Whole intervals in UTC, the running one included. */
function stretchOf(span: Span, nowMs: number): { fromMs: number; toMs: number } {
  const oneMs = intervalMs[span.interval]
  const toMs = Math.floor(nowMs / oneMs) * oneMs + oneMs
  return { fromMs: toMs - span.buckets * oneMs, toMs }
}

async function readStats(code: string, span: Span) {
  const stretch = stretchOf(span, Date.now())
  const from = new Date(stretch.fromMs).toISOString()
  const to = new Date(stretch.toMs).toISOString()
  return { span, stretch, stats: await api.readStats(code, { from, to, interval: span.interval }) }
}

export function LinkStats({ code }: { code: string }) {
  const [chosen, setChosen] = useState<Span['value']>('day')
  const span = spans.find((candidate) => candidate.value === chosen) ?? spans[0]
  const loaded = useLoad(`${code} ${chosen}`, () => readStats(code, span), refreshMs)
  return (
    <section aria-labelledby="clicks-title">
      <h2 id="clicks-title" class="visually-hidden">
        Clicks
      </h2>
      {loaded.data === null ? (
        <div class="card">
          {loaded.failure === null ? (
            <Loading label="Loading the clicks" lines={6} />
          ) : (
            <Failed failure={loaded.failure} retry={loaded.reload} />
          )}
        </div>
      ) : (
        <>
          <Stale failure={loaded.failure} />
          <Totals stats={loaded.data.stats} />
          <div class="card">
            <div class="card-head">
              <h3>Clicks over time</h3>
              <Choice
                label="Stretch of time"
                name="span"
                options={spans}
                value={chosen}
                onChoose={setChosen}
              />
            </div>
            <ClicksChart {...loaded.data} />
            {typeof loaded.data.stats.asOf === 'string' && (
              <p class="muted small">Counted up to {clock(loaded.data.stats.asOf)}.</p>
            )}
          </div>
          <Breakdowns stats={loaded.data.stats} />
        </>
      )}
    </section>
  )
}

function Totals({ stats }: { stats: Stats }) {
  const { total, humans, bots, uniqueVisitors } = stats
  return (
    <dl class="figures">
      <div class="figure figure-main">
        <dt>Clicks</dt>
        <dd data-testid="total-clicks">{count(total)}</dd>
      </div>
      <div class="figure">
        <dt>By people</dt>
        <dd data-testid="human-clicks">{count(humans)}</dd>
      </div>
      <div class="figure">
        <dt>By bots</dt>
        <dd data-testid="bot-clicks">{count(bots)}</dd>
      </div>
      {typeof uniqueVisitors === 'number' && (
        <div class="figure">
          <dt>Visitors</dt>
          <dd>{count(uniqueVisitors)}</dd>
        </div>
      )}
    </dl>
  )
}

/** One bar for each interval, also for one that the answer leaves out; bots stand on top of people. */
function ClicksChart({ span, stretch, stats }: Awaited<ReturnType<typeof readStats>>) {
  const { times, series, sum } = useMemo(() => {
    const oneMs = intervalMs[span.interval]
    const byStart = new Map(stats.series.map((point) => [Date.parse(point.start), point]))
    const starts = Array.from({ length: span.buckets }, (_, index) => stretch.fromMs + index * oneMs)
    const points = starts.map((start) => byStart.get(start))
    const clicks = points.map((point) => point?.clicks ?? 0)
    const bots = points.map((point) => point?.bots ?? 0)
    const people = clicks.map((all, index) => all - (bots[index] ?? 0))
    return {
      times: starts.map((start) => start / 1000),
      series: [
        { label: 'Bots', color: '--amber', values: clicks, legendValues: bots, isBars: true },
        { label: 'People', color: '--sea', values: people, isBars: true },
      ],
      sum: clicks.reduce((total, value) => total + value, 0),
    }
  }, [span, stretch, stats])
  return (
    <TimeChart
      label={`${count(sum)} clicks in the last ${span.buckets} ${span.interval}s`}
      times={times}
      series={series}
      isWhole
      formatTick={tick}
      format={count}
    />
  )
}

const breakdowns = [
  ['countries', 'Countries'],
  ['referrers', 'Referrers'],
  ['browsers', 'Browsers'],
  ['operatingSystems', 'Systems'],
  ['devices', 'Devices'],
] as const

const namesShown = 8

function Breakdowns({ stats }: { stats: Stats }) {
  const filled = breakdowns.filter(([key]) => (stats[key]?.length ?? 0) > 0)
  if (filled.length === 0) return null
  return (
    <div class="breakdowns">
      {filled.map(([key, title]) => (
        <Breakdown key={key} title={title} names={stats[key] ?? []} />
      ))}
    </div>
  )
}

function Breakdown({ title, names }: { title: string; names: readonly Named[] }) {
  const shown = [...names].sort((a, b) => b.clicks - a.clicks).slice(0, namesShown)
  const most = shown[0]?.clicks ?? 1
  return (
    <section class="card" aria-label={title}>
      <h3>{title}</h3>
      <ul class="bars">
        {shown.map(({ name, clicks }) => (
          <li key={name ?? ''}>
            <span class="bars-fill" style={{ width: `${(clicks / most) * 100}%` }} />
            <span class="bars-name">{name ?? 'unknown'}</span>
            <span class="number">{count(clicks)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
