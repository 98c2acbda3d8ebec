/** Prometheus metrics of one process. Every expected series is made at the start: `increase` misses a first value. */
import { Counter, Gauge, Registry } from 'prom-client'
import eventLoopLag from 'prom-client/lib/metrics/eventLoopLag.js'
import heapSizeAndUsed from 'prom-client/lib/metrics/heapSizeAndUsed.js'
import heapSpacesSizeAndUsed from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js'
import osMemoryHeap from 'prom-client/lib/metrics/osMemoryHeap.js'
import processCpuTotal from 'prom-client/lib/metrics/processCpuTotal.js'
import processHandles from 'prom-client/lib/metrics/processHandles.js'
import processMaxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js'
import processOpenFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js'
import processRequests from 'prom-client/lib/metrics/processRequests.js'
import processResources from 'prom-client/lib/metrics/processResources.js'
import processStartTime from 'prom-client/lib/metrics/processStartTime.js'
import version from 'prom-client/lib/metrics/version.js'
import { Histogram } from './histogram.ts'

export type { Counter, Gauge } from 'prom-client'
export type { Histogram, HistogramSeries } from './histogram.ts'

/** Seconds. 0.2 is the SLO's own bound and must stay an explicit bucket. */
export const latencyBucketsSeconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10,
]

type Labels = Readonly<Record<string, string>>

/** Those that prom-client's `collectDefaultMetrics` adds, but for `gc`: it has no way to leave one out. */
const collectors = [
  eventLoopLag,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  osMemoryHeap,
  processCpuTotal,
  processHandles,
  processMaxFileDescriptors,
  processOpenFileDescriptors,
  processRequests,
  processResources,
  processStartTime,
  version,
]

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
    for (const collect of collectors) collect(this.registry)
  }

  /** All metrics in the text format, of `contentType`. */
  async page(): Promise<string> {
    const texts = this.registry
      .getMetricsAsArray()
      .map(({ name }) => this.#histograms.get(name)?.text() ?? this.registry.getSingleMetricAsString(name))
    return `${(await Promise.all(texts)).join('\n\n')}\n`
  }

  get contentType(): string {
    return this.registry.contentType
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
