import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiFailure, api, type Stats } from '../api.ts'
import { clock, count, tick } from '../format.ts'
import {
  coarserStretch,
  intervalWords,
  type SpanName,
  type Stretch,
  spans,
  stretchOf,
  type Zoom,
  zoomedStretch,
} from '../stretch.ts'
import { useLive } from '../use-live.ts'
import { useLoad } from '../use-load.ts'
import { Breakdowns } from './breakdowns.tsx'
import { Choice } from './choice.tsx'
import { OrphanNote, RecentClicks } from './recent-clicks.tsx'
import { Empty, Failed, Loading, Stale } from './states.tsx'
import { TimeChart } from './time-chart.tsx'

/** Without news from the live stream; with them, at most once in `newsMs`. */
const refreshMs = 15_000
const newsMs = 1_000

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** As fine as it is kept: what is refused for its age is asked for in longer intervals. */
async function readStats(code: string, stretch: Stretch): Promise<Stats> {
  const { fromMs, toMs, interval, timezone } = stretch
  const from = new Date(fromMs).toISOString()
  const to = new Date(toMs).toISOString()
  try {
    return await api.readStats(code, { from, to, interval, timezone })
  } catch (error) {
    const isTooOld = error instanceof ApiFailure && error.status === 400 && error.field === 'from'
    const coarser = isTooOld ? coarserStretch(stretch) : undefined
    if (coarser === undefined) throw error
    return await readStats(code, coarser)
  }
}

/** Reads anew, at most once in `newsMs`, for as long as the live stream knows of clicks that what was read does not have. */
function useNews(total: number | null, read: Stats | null, reload: () => void): void {
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const latest = useRef(reload)
  latest.current = reload
  useEffect(() => {
    if (total === null || read === null || total <= read.total) return
    waiting.current ??= setTimeout(() => {
      waiting.current = undefined
      latest.current()
    }, newsMs)
  }, [total, read])
  useEffect(() => () => clearTimeout(waiting.current), [])
}

export function LinkStats({ code }: { code: string }) {
  const [chosen, setChosen] = useState<SpanName>('day')
  const [zoom, setZoom] = useState<Zoom | null>(null)
  const question = `${code} ${chosen} ${zoom?.fromMs ?? ''} ${zoom?.toMs ?? ''}`
  const loaded = useLoad(
    question,
    async () => {
      const nowMs = Date.now()
      const stretch = zoom === null ? stretchOf(chosen, nowMs, zone) : zoomedStretch(zoom, nowMs, zone)
      return { question, stats: await readStats(code, stretch) }
    },
    refreshMs,
  )
  const live = useLive(api.livePath(code))
  const stats = loaded.data?.stats ?? null
  useNews(live.total, stats, loaded.reload)
  if (stats === null) {
    return (
      <section class="card" aria-label="Clicks">
        {loaded.failure === null ? (
          <Loading label="Loading the clicks" lines={6} />
        ) : (
          <Failed failure={loaded.failure} retry={loaded.reload} />
        )}
      </section>
    )
  }
  // What was read for another stretch would pass for the clicks of this one.
  const refusal = loaded.data?.question === question ? null : loaded.failure
  // Every number of the page is of one answer, so that they agree; what came since is told apart until it is read.
  const since = Math.max(0, (live.total ?? 0) - stats.total)
  const choose = (span: SpanName) => {
    setZoom(null)
    setChosen(span)
  }
  return (
    <section aria-label="Clicks">
      <Stale failure={refusal === null ? loaded.failure : null} />
      <Totals stats={stats} since={since} isLive={live.isConnected} />
      <OrphanNote stats={stats} />
      {stats.total + since === 0 ? (
        <Empty title="No clicks yet">
          <p>Follow the short link, and this page counts along.</p>
        </Empty>
      ) : (
        <>
          <OverTime
            stats={stats}
            refusal={refusal}
            retry={loaded.reload}
            chosen={chosen}
            choose={choose}
            isZoomed={zoom !== null}
            setZoom={setZoom}
          />
          {refusal === null && <Breakdowns stats={stats} />}
          <RecentClicks clicks={stats.recentClicks} />
        </>
      )}
    </section>
  )
}

interface OverTimeProps {
  readonly stats: Stats
  /** Why there is no chart of the chosen stretch. */
  readonly refusal: ApiFailure | null
  readonly retry: () => void
  readonly chosen: SpanName
  readonly choose: (span: SpanName) => void
  readonly isZoomed: boolean
  readonly setZoom: (zoom: Zoom | null) => void
}

/** Another stretch can be chosen also where this one cannot be had. */
function OverTime({ stats, refusal, retry, chosen, choose, isZoomed, setZoom }: OverTimeProps) {
  return (
    <div class="card">
      <div class="card-head">
        <h3>Clicks over time</h3>
        {isZoomed && (
          <button type="button" class="button button-small" onClick={() => setZoom(null)}>
            Reset zoom
          </button>
        )}
        <Choice label="Stretch of time" name="span" options={spans} value={chosen} onChoose={choose} />
      </div>
      {refusal === null ? (
        <ClicksChart stats={stats} onZoom={setZoom} />
      ) : (
        <Failed failure={refusal} retry={retry} />
      )}
    </div>
  )
}

function Totals({ stats, since, isLive }: { stats: Stats; since: number; isLive: boolean }) {
  return (
    <dl class="figures">
      <div class="figure figure-main">
        <dt>
          Clicks{' '}
          <span class={`live ${isLive ? 'live-on' : ''}`} data-testid="live" role="status">
            {isLive ? 'live' : 'connecting…'}
          </span>
          {since > 0 && (
            <span
              class="number"
              data-testid="clicks-since"
              title="Counted since the numbers of this page were"
            >
              {' '}
              +{count(since)}
            </span>
          )}
        </dt>
        <dd data-testid="total-clicks">{count(stats.total)}</dd>
      </div>
      <div class="figure">
        <dt>By people</dt>
        <dd data-testid="human-clicks">{count(stats.humans)}</dd>
      </div>
      <div class="figure">
        <dt>By bots</dt>
        <dd data-testid="bot-clicks">{count(stats.bots)}</dd>
      </div>
    </dl>
  )
}

/** One bar for each interval; bots stand on top of people. */
function ClicksChart({ stats, onZoom }: { stats: Stats; onZoom: (zoom: Zoom) => void }) {
  const { times, series } = useMemo(() => {
    const clicks = stats.series.map((point) => point.clicks)
    return {
      times: stats.series.map(({ start }) => Date.parse(start) / 1000),
      series: [
        {
          label: 'Bots',
          color: '--amber',
          values: clicks,
          legendValues: stats.series.map(({ bots }) => bots),
          isBars: true,
        },
        { label: 'People', color: '--sea', values: stats.series.map(({ humans }) => humans), isBars: true },
      ],
    }
  }, [stats])
  const sum = `${count(stats.clicks)} ${stats.clicks === 1 ? 'click' : 'clicks'}`
  return (
    <>
      <TimeChart
        label={`${sum} in ${stats.series.length} intervals of one ${stats.interval}`}
        times={times}
        series={series}
        isWhole
        formatTick={tick}
        format={count}
        onZoom={(fromSeconds, toSeconds) =>
          onZoom({ fromMs: Math.round(fromSeconds * 1000), toMs: Math.round(toSeconds * 1000) })
        }
      />
      <div class="card-foot muted small">
        <p>
          <b data-testid="range-clicks">{sum}</b> by the {intervalWords(stats)}. Drag over the chart to zoom
          in.
          {stats.asOf !== null && <> Counted up to {clock(stats.asOf)}.</>}
        </p>
        <p>
          Export: <a href={api.exportPath(stats, 'csv')}>CSV</a>,{' '}
          <a href={api.exportPath(stats, 'ndjson')}>JSON lines</a>
        </p>
      </div>
    </>
  )
}
