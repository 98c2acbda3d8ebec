/**
 * What a process counted in its life, told once as it ends: a scrape reads a counter every few seconds, and what happened
 * after the last one would be known to nobody.
 */
import type { Metrics } from './metrics.ts'

/** Counters and the counts of histograms that are not 0, by their name with labels as /metrics has it. */
export async function finalCounters(metrics: Metrics): Promise<Record<string, number>> {
  const counters: Record<string, number> = {}
  for (const line of (await metrics.page()).split('\n')) {
    const [, series = '', value = ''] =
      /^([a-z][a-z0-9_]*_(?:total|count)(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    if (Number(value) > 0) counters[series] = Number(value)
  }
  return counters
}
