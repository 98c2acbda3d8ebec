/** Prometheus metrics of one process. Every expected series is made at the start: `increase` misses a first value. */
import { createRequire } from 'node:module'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { Histogram } from './histogram.ts'

export type { Counter, Gauge } from 'prom-client'
export type { Histogram, HistogramSeries } from './histogram.ts'

/** Seconds. 0.2 is the SLO's own bound and must stay an explicit bucket. */
export const latencyBucketsSeconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10,
]

type Labels = Readonly<Record<string, string>>

const require = createRequire(import.meta.url)
/** One of those that `collectDefaultMetrics` would add: it has no way to leave one out. */
const collectorOf = (name: string): ((registry: Registry) => void) =>
  require(`prom-client/lib/metrics/${name}`)

export class Metrics {
  readonly service: string
  readonly registry = new Registry()
  readonly #histograms = new Map<string, Histogram<string>>()

  constructor(service: string) {
    this.service = service
  }

  /**
   * Adds the metrics of the process itself: CPU, memory, event loop. Those of garbage collection are left out: to be told of
   * a collection Node makes 5 KB of garbage in the old generation, so that watching small collections causes large ones.
   */
  collectProcessMetrics(): void {
    for (const name of collectDefaultMetrics.metricsList) {
      if (name !== 'gc') collectorOf(name)(this.registry)
    }
  }

  /**
   * `series` are the label sets that exist at 0 from the start. `collect` is called at each scrape, and may add what
   * was counted elsewhere; it must be quick and must not throw.
   */
  counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    series: readonly Labels[] = [],
    collect?: (counter: Counter<L>) => void,
  ): Counter<L> {
    const counter: Counter<L> = new Counter<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect === undefined ? {} : { collect: () => collect(counter) }),
    })
    for (const labels of series) counter.inc(labels as Record<L, string>, 0)
    return counter
  }

  /** `collect` is called at each scrape; it must be quick and must not throw. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    const gauge: Gauge<L> = new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
    })
    return gauge
  }

  /** Whoever asks for one of this name again gets the same: its labels and buckets are those of the first time. */
  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = latencyBucketsSeconds,
  ): Histogram<L> {
    const known = this.#histograms.get(name)
    if (known !== undefined) return known
    const made = new Histogram<L>({ name, help, labelNames, buckets, registry: this.registry })
    this.#histograms.set(name, made)
    return made
  }
}
