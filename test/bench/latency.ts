/** Latencies, kept in an HDR histogram: 3 significant digits from 1 µs to a minute, whatever their number. */
import { build } from 'hdr-histogram-js'

export interface Percentiles {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export interface LatencyRecorder {
  record(milliseconds: number): void
  percentiles(): Percentiles
}

const highestUs = 60_000_000

export function createLatencyRecorder(): LatencyRecorder {
  const histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 3,
  })
  const maxMs = () => (histogram.totalCount === 0 ? 0 : histogram.maxValue / 1_000)
  // A percentile is told as the upper end of its bucket, which may lie above all that was recorded.
  const atMs = (percentile: number) => Math.min(maxMs(), histogram.getValueAtPercentile(percentile) / 1_000)
  return {
    record(milliseconds) {
      histogram.recordValue(Math.min(highestUs, Math.max(1, Math.round(milliseconds * 1_000))))
    },
    percentiles: () => ({
      count: histogram.totalCount,
      p50Ms: atMs(50),
      p99Ms: atMs(99),
      p999Ms: atMs(99.9),
      maxMs: maxMs(),
    }),
  }
}
