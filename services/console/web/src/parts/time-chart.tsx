/**
 * A chart over time. Colours come from the theme's custom properties, so a change of theme draws it anew; the legend
 * below is HTML, shows the values under the cursor and, without a cursor, the newest ones.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { useTheme } from './theme.ts'

export interface ChartSeries {
  readonly label: string
  /** A custom property, such as --sea. */
  readonly color: string
  readonly values: readonly (number | null)[]
  /** What the legend tells, where it is not what is drawn: of bars that stand on others. */
  readonly legendValues?: readonly (number | null)[]
  readonly isBars?: boolean
  readonly isFilled?: boolean
}

export interface TimeChartProps {
  readonly label: string
  readonly times: readonly number[]
  readonly series: readonly ChartSeries[]
  readonly format: (value: number | null) => string
  /** Words beside the axis; without it those of `format`. */
  readonly formatTick?: (value: number | null) => string
  /** Values are counts: the axis has whole numbers only. */
  readonly isWhole?: boolean
  /** Distances by factor instead of by difference: for values that span magnitudes. */
  readonly isLogarithmic?: boolean
  readonly line?: { readonly value: number; readonly label: string }
  readonly heightPx?: number
  /** The whole stretch, also where there is no value; seconds since the epoch. */
  readonly stretch?: readonly [number, number]
  /** A part was dragged over; seconds since the epoch. Without it nothing can be. */
  readonly onZoom?: (fromSeconds: number, toSeconds: number) => void
}

/** A custom property's colour in the theme of the moment, in a form that a canvas takes. */
function colorOf(name: string, opacity = 1): string {
  const probe = document.createElement('span')
  probe.style.color = `color-mix(in srgb, var(${name}) ${opacity * 100}%, transparent)`
  document.body.append(probe)
  const color = getComputedStyle(probe).color
  probe.remove()
  return color
}

const defaultHeightPx = 260
/** 1, 2, 5, 10, 20, … up to five thousand million. */
const wholeSteps = Array.from(
  { length: 30 },
  (_, index) => ([1, 2, 5][index % 3] ?? 1) * 10 ** Math.floor(index / 3),
)

function axisOf(grid: string, ink: string): uPlot.Axis {
  return {
    stroke: ink,
    font: '500 12px "Hanken Grotesk Variable", sans-serif',
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    gap: 8,
  }
}

/** A dashed line at a value that matters, with its name, drawn over the series. */
function lineAt({ value, label }: NonNullable<TimeChartProps['line']>, color: string): uPlot.Plugin {
  return {
    hooks: {
      draw: ({ ctx, bbox, valToPos }: uPlot) => {
        const y = Math.round(valToPos(value, 'y', true))
        if (y < bbox.top || y > bbox.top + bbox.height) return
        ctx.save()
        ctx.strokeStyle = color
        ctx.fillStyle = color
        ctx.lineWidth = devicePixelRatio * 1.5
        ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio])
        ctx.beginPath()
        ctx.moveTo(bbox.left, y)
        ctx.lineTo(bbox.left + bbox.width, y)
        ctx.stroke()
        ctx.font = `600 ${12 * devicePixelRatio}px "Hanken Grotesk Variable", sans-serif`
        ctx.textAlign = 'left'
        ctx.fillText(label, bbox.left + 6 * devicePixelRatio, y - 6 * devicePixelRatio)
        ctx.restore()
      },
    },
  }
}

function logarithmicRange(bottom: number, top: number, line: number | undefined): [number, number] {
  const from = Math.max(0.1, Math.min(bottom || 1, 1))
  const to = Math.max(top || 1, (line ?? 0) * 2.5, 10)
  return [10 ** Math.floor(Math.log10(from)), to * 1.2]
}

function linearRange(top: number, floor: number): [number, number] {
  return [0, Math.max(top * 1.12, floor)]
}

function seriesOptions(series: ChartSeries, pointCount: number): uPlot.Series {
  const bars = uPlot.paths.bars?.({ size: [0.72, 40], radius: 0.16 })
  return {
    label: series.label,
    stroke: colorOf(series.color),
    width: series.isBars ? 0 : 2,
    ...(series.isBars || series.isFilled ? { fill: colorOf(series.color, series.isBars ? 1 : 0.15) } : {}),
    ...(series.isBars && bars !== undefined ? { paths: bars } : {}),
    points: { show: !series.isBars && pointCount < 3, size: 6 },
  }
}

function powersOfTen(_plot: uPlot, _axis: number, bottom: number, top: number): number[] {
  const first = Math.ceil(Math.log10(bottom))
  const count = Math.floor(Math.log10(top)) - first + 1
  return Array.from({ length: Math.max(0, count) }, (_, index) => 10 ** (first + index))
}

/** Bars stand around their moment, so the first and the last need half a step more than a line does. */
function stretchOf({ stretch, times, series }: TimeChartProps, from: number, to: number): [number, number] {
  const [first, last] = stretch ?? [from, to]
  const step = (times[1] ?? 0) - (times[0] ?? 0)
  const room = step > 0 && series.some(({ isBars }) => isBars) ? step / 2 : 0
  return [first - room, last + room]
}

/** Vertical room on which every value and the line can be seen. */
function rangeOf(bottom: number, top: number, props: TimeChartProps): [number, number] {
  const line = props.line?.value
  return props.isLogarithmic ? logarithmicRange(bottom, top, line) : linearRange(top, props.isWhole ? 5 : 1)
}

/** The chart itself stays as it is: who looks closer gets finer data. */
function dragOf({ onZoom }: TimeChartProps): uPlot.Cursor.Drag {
  return { x: onZoom !== undefined, y: false, setScale: false, dist: 8 }
}

function zoomTo(plot: uPlot, { onZoom }: TimeChartProps): void {
  const { left, width } = plot.select
  if (width === 0) return
  const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
  onZoom?.(from, to)
}

type Latest = { readonly current: TimeChartProps }

function draw(
  host: HTMLElement,
  latest: Latest,
  data: uPlot.AlignedData,
  onCursor: (index: number | null) => void,
): uPlot {
  const {
    series,
    times,
    line,
    isWhole = false,
    isLogarithmic = false,
    heightPx = defaultHeightPx,
  } = latest.current
  const base = axisOf(colorOf('--grid'), colorOf('--ink-soft'))
  const options: uPlot.Options = {
    width: host.clientWidth,
    height: heightPx,
    padding: [14, 24, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: dragOf(latest.current), points: { size: 8 } },
    scales: {
      x: { time: true, range: (_plot, from, to) => stretchOf(latest.current, from, to) },
      y: {
        distr: isLogarithmic ? 3 : 1,
        range: (_plot, bottom, top) => rangeOf(bottom, top, latest.current),
      },
    },
    axes: [
      { ...base, grid: { show: false }, size: 32, values: timeLabels },
      {
        ...base,
        size: 58,
        ...(isLogarithmic ? { splits: powersOfTen } : {}),
        ...(isWhole ? { incrs: wholeSteps } : {}),
        values: (_plot, splits) => splits.map(latest.current.formatTick ?? latest.current.format),
      },
    ],
    series: [{}, ...series.map((one) => seriesOptions(one, times.length))],
    plugins: line === undefined ? [] : [lineAt(line, colorOf('--buoy'))],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [(plot) => zoomTo(plot, latest.current)],
    },
  }
  return new uPlot(options, data, host)
}

/** Draws into the element anew when `shape` changes, and gives the drawing new data in between. */
function useDrawing(
  latest: Latest,
  shape: string,
  data: uPlot.AlignedData,
  onCursor: (index: number | null) => void,
) {
  const host = useRef<HTMLDivElement>(null)
  const drawn = useRef<uPlot | null>(null)
  // `shape` stands for everything that needs a new drawing; the rest is read from `latest`.
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const plot = draw(element, latest, data, onCursor)
    drawn.current = plot
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: plot.height }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
      drawn.current = null
    }
  }, [shape])
  useEffect(() => drawn.current?.setData(data), [data])
  return host
}

export function TimeChart(props: TimeChartProps) {
  const [index, setIndex] = useState<number | null>(null)
  const theme = useTheme()
  const latest = useRef(props)
  latest.current = props
  const { times, series, format, isLogarithmic = false, heightPx } = props
  const data = useMemo<uPlot.AlignedData>(() => {
    // A logarithm has no place for 0: it is a gap there.
    const drawable = (value: number | null) => (isLogarithmic && value === 0 ? null : value)
    return [[...times], ...series.map(({ values }) => values.map(drawable))]
  }, [times, series, isLogarithmic])
  const shape = [theme, isLogarithmic, heightPx, ...series.map(({ label, color }) => label + color)].join(' ')
  const host = useDrawing(latest, shape, data, setIndex)
  const shown = index ?? times.length - 1
  const shownTime = times[shown]
  return (
    <figure class="chart">
      <div class="chart-canvas" ref={host} role="img" aria-label={props.label} />
      <figcaption class="legend">
        <span class="legend-time">{shownTime === undefined ? '' : momentLabel(shownTime)}</span>
        {series.map(({ label, color, values, legendValues = values }) => (
          <span key={label} class="legend-item">
            <span class="legend-key" style={{ background: `var(${color})` }} />
            {label} <b>{format(legendValues[shown] ?? null)}</b>
          </span>
        ))}
      </figcaption>
    </figure>
  )
}

const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** The day where it begins, the time of day elsewhere. */
function timeLabels(
  _plot: uPlot,
  splits: number[],
  _axis: number,
  _space: number,
  stepSeconds: number,
): string[] {
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000)
    const startsDay = date.getHours() === 0 && date.getMinutes() === 0
    return stepSeconds >= 86_400 || startsDay ? dayMonth.format(date) : hourMinute.format(date)
  })
}

function momentLabel(seconds: number): string {
  const date = new Date(seconds * 1000)
  return `${dayMonth.format(date)}, ${hourMinute.format(date)}`
}
