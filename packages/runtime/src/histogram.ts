/**
 * A histogram whose series are found once and then written without a look-up. prom-client hashes the labels of each
 * observation, also of a child that was bound to them, which for a redirect costs more than finding its link. The
 * registry takes any object that tells its values, so this one stands beside prom-client's own metrics; and a page of hundreds
 * of series, of which most stay as they are from one scrape to the next, is not written anew for each.
 */
import type { Metric, Registry } from 'prom-client'

type Labels = Readonly<Record<string, string>>

interface Sample {
  readonly metricName: string
  readonly labels: Labels
  readonly sharedLabels?: Labels
  readonly value: number
}

export interface HistogramOptions {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  /** Upper bounds, rising, each inclusive. */
  readonly buckets: readonly number[]
  readonly registry: Registry
}

/** The observations under one set of labels. */
export class HistogramSeries {
  readonly labels: Labels
  readonly #bounds: readonly number[]
  /** How many observations each bucket got by itself; the last one has no bound. */
  readonly #counts: Float64Array
  #sum = 0
  #text = ''
  /** Observations that `#text` tells of. */
  #textCount = -1

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#sum += value
  }

  /** Its lines in the text format, as they were the last time unless something was observed since. */
  text(name: string): string {
    const count = this.#counts.reduce((sum, one) => sum + one, 0)
    if (count === this.#textCount) return this.#text
    this.#text = this.samples(name).map(lineOf).join('\n')
    this.#textCount = count
    return this.#text
  }

  /** As the text format wants them: each bucket with all below it, then sum and count. */
  samples(name: string): Sample[] {
    let count = 0
    const buckets = [...this.#bounds.map(String), '+Inf'].map((le, bucket): Sample => {
      count += this.#counts[bucket] as number
      return { metricName: `${name}_bucket`, labels: { le }, sharedLabels: this.labels, value: count }
    })
    const { labels } = this
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}

function lineOf({ metricName, labels, sharedLabels = {}, value }: Sample): string {
  const pairs = Object.entries({ ...labels, ...sharedLabels }).map(
    ([name, text]) => `${name}="${escaped(text).replaceAll('"', '\\"')}"`,
  )
  return `${metricName}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

export class Histogram<L extends string = string> {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #labelNames: readonly string[]
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, HistogramSeries>()
  readonly #unlabelled: HistogramSeries | undefined

  constructor(options: HistogramOptions) {
    this.name = options.name
    this.help = options.help
    this.#labelNames = options.labelNames
    this.#bounds = options.buckets
    this.#unlabelled = options.labelNames.length === 0 ? this.#find({}) : undefined
    options.registry.registerMetric(this as unknown as Metric)
  }

  /** The series of these labels, which exists from now on; keep it where observations are frequent. */
  labels(labels: Readonly<Record<L, string>>): HistogramSeries {
    return this.#find(labels)
  }

  observe(value: number): void
  observe(labels: Readonly<Record<L, string>>, value: number): void
  observe(first: number | Labels, second?: number): void {
    if (typeof first !== 'number') this.#find(first).observe(second as number)
    else (this.#unlabelled ?? this.#find({})).observe(first)
  }

  /** Makes the series exist at 0. */
  zero(labels: Readonly<Record<L, string>>): void {
    this.#find(labels)
  }

  /** In the text format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
  text(): string {
    const { name, help, type } = this
    const series = [...this.#series.values()].map((one) => one.text(name))
    return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...series].join('\n')
  }

  /** What the registry asks for. */
  async get() {
    const { name, help, type, aggregator } = this
    return {
      name,
      help,
      type,
      aggregator,
      values: [...this.#series.values()].flatMap((one) => one.samples(name)),
    }
  }

  #find(labels: Labels): HistogramSeries {
    const key = this.#labelNames.map((name) => labels[name]).join('\n')
    let series = this.#series.get(key)
    if (series === undefined) {
      for (const name of Object.keys(labels)) {
        if (!this.#labelNames.includes(name)) throw new Error(`${this.name} has no label ${name}`)
      }
      series = new HistogramSeries({ ...labels }, this.#bounds)
      this.#series.set(key, series)
    }
    return series
  }
}
