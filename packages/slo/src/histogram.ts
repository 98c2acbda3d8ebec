/** Quantiles of a cumulative histogram, as Prometheus' histogram_quantile has them: linear within a bucket. */

/** Upper bound in seconds (Infinity for the last) and how many were at or under it. */
export type Buckets = ReadonlyMap<number, number>

/** Seconds at the quantile `q`; null without observations. The open bucket answers with its lower bound. */
export function quantileSeconds(buckets: Buckets, q: number): number | null {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = sorted.at(-1)?.[1] ?? 0
  if (total <= 0) return null
  const rank = q * total
  let lowerBound = 0
  let below = 0
  for (const [upperBound, atOrUnder] of sorted) {
    if (atOrUnder >= rank) {
      if (upperBound === Number.POSITIVE_INFINITY) return lowerBound
      const inBucket = atOrUnder - below
      return inBucket === 0
        ? upperBound
        : lowerBound + ((upperBound - lowerBound) * (rank - below)) / inBucket
    }
    lowerBound = upperBound
    below = atOrUnder
  }
  return lowerBound
}

export function boundOf(le: string | undefined): number | null {
  if (le === '+Inf') return Number.POSITIVE_INFINITY
  const bound = Number(le)
  return le === undefined || !Number.isFinite(bound) ? null : bound
}
