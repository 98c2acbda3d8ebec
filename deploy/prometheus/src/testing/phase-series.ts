/** Series in promtool's notation for a service that was good and bad in turn. */
import type { Slo, ThresholdIndicator } from '@linkfleet/slo/objective'

export interface Phase {
  readonly seconds: number
  /** null: nobody reports anything. */
  readonly badRatio: number | null
}

export interface InputSeries {
  readonly series: string
  readonly values: string
}

/** A target that is gone ends its series; the last sample would stand for it for minutes otherwise. */
const nothingFor = (steps: number): string => `stale _x${Math.round(steps) - 1}`

/** A ratio that all samples of a window have together, spread as evenly as whole samples allow. */
function gaugeValues(phases: readonly Phase[], step: number, { op, value }: ThresholdIndicator): string {
  const badValue = op === 'lte' ? value + 1 : value - 1
  const values: (number | string)[] = []
  let owed = 0
  for (const { seconds, badRatio } of phases) {
    if (badRatio === null) {
      values.push(nothingFor(seconds / step))
      continue
    }
    for (let at = 0; at < seconds; at += step) {
      owed += badRatio
      const bad = owed >= 1
      if (bad) owed -= 1
      values.push(bad ? badValue : value)
    }
  }
  return values.join(' ')
}

function counterValues(
  phases: readonly Phase[],
  step: number,
  perStep: (badRatio: number) => number,
): string {
  let value = 0
  const parts = phases.map(({ seconds, badRatio }) => {
    if (badRatio === null) return nothingFor(seconds / step)
    const increment = perStep(badRatio)
    const count = Math.round(seconds / step)
    const part = `${value}+${increment}x${count - 1}`
    value += increment * count
    return part
  })
  return parts.join(' ')
}

/** `selector` with labels that it does not name itself; a regular-expression matcher is met by leaving the label out. */
const seriesOf = (selector: string, labels: string): string =>
  selector.replace(/,?[a-z_]+!?~"[^"]*"/g, '').replace('}', `,${labels}}`)

export function seriesFor(
  slo: Slo,
  phases: readonly Phase[],
  step: number,
  requestsPerStep: number,
): InputSeries[] {
  const { indicator } = slo
  if (indicator.kind === 'threshold') {
    const metric = /[a-z_]+_[a-z_]+/.exec(indicator.query)?.[0] ?? ''
    const values = gaugeValues(phases, step, indicator)
    const labels = `{service="${slo.service}"}`
    // Of a process that has long been there.
    const started = { series: `process_start_time_seconds${labels}`, values: '-86400x100000' }
    return [{ series: metric + labels, values: requestsPerStep > 0 ? values : '' }, started]
  }
  const good = counterValues(phases, step, (badRatio) => requestsPerStep * (1 - badRatio))
  const none = counterValues(phases, step, () => 0)
  // Half of the bad are slow answers, half are server errors: fast ones, so that only their status makes them bad.
  const half = counterValues(phases, step, (badRatio) => (requestsPerStep * badRatio) / 2)
  return [
    { series: seriesOf(indicator.total, 'code="302",instance="a"'), values: good },
    { series: seriesOf(indicator.good, 'code="302",instance="a"'), values: good },
    { series: seriesOf(indicator.total, 'code="302",instance="b"'), values: half },
    { series: seriesOf(indicator.good, 'code="302",instance="b"'), values: none },
    { series: seriesOf(indicator.total, 'code="503",instance="b"'), values: half },
    { series: seriesOf(indicator.good, 'code="503",instance="b"'), values: half },
  ]
}
