/**
 * promtool test groups for every burn-rate alert of an objective: just below the limit it is silent, above it fires, and
 * once the errors stop it resets within its short window. Low traffic, no traffic and no data have groups of their own.
 *
 * A fleet that started an hour ago has windows of an hour, however long they are by name; so tickets over days are driven
 * by phases of their short window, which keeps a run in seconds. That a window is as long as its name is a matter of the
 * expression itself.
 */
import type { Slo, ThresholdIndicator } from '@linkfleet/slo/objective'
import {
  type AlertingRule,
  burnPolicies,
  pageBadRequestsMin,
  type RecordingRule,
  type RuleGroup,
  ruleGroupsOf,
  windowsOf,
} from '../rules.ts'

interface Phase {
  readonly seconds: number
  readonly badRatio: number
}

interface InputSeries {
  readonly series: string
  readonly values: string
}

interface ExpressionTest {
  readonly expr: string
  readonly eval_time: string
  readonly exp_samples: readonly { labels?: string; value: number }[]
}

export interface TestGroup {
  readonly name: string
  /** The windows whose rules the group needs; leaving out the others makes a run many times faster. */
  readonly windows: readonly string[]
  readonly evaluationInterval: string
  readonly interval: string
  readonly input_series: readonly InputSeries[]
  readonly promql_expr_test: readonly ExpressionTest[]
}

type Policy = (typeof burnPolicies)['1d'][number]

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const secondsOf = (window: string): number =>
  Number(window.slice(0, -1)) * (unitSeconds[window.slice(-1)] ?? 0)

/** Seconds between samples; each window needs several. */
function stepOf(slo: Slo, policy: Policy): number {
  const short = secondsOf(policy.shortWindow)
  if (short <= 60) return 5
  if (slo.indicator.kind === 'ratio') return short <= 300 ? 15 : 30
  if (short <= 1200) return 15
  return short <= 7200 ? 30 : 60
}

/** How far below and above the limit: a ratio of samples of 0 or 1 cannot come as close as one of many requests. */
const closeness = {
  ratio: { below: 0.97, above: 1.5 },
  threshold: { below: 0.6, above: 1.9 },
} as const

/** A ratio that all samples of a window have together, spread as evenly as whole samples allow. */
function gaugeValues(phases: readonly Phase[], step: number, { op, value }: ThresholdIndicator): string {
  const badValue = op === 'lte' ? value + 1 : value - 1
  const values: number[] = []
  let owed = 0
  for (const { seconds, badRatio } of phases) {
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

function seriesFor(slo: Slo, phases: readonly Phase[], step: number, requestsPerStep: number): InputSeries[] {
  const { indicator } = slo
  if (indicator.kind === 'threshold') {
    const metric = /[a-z_]+_[a-z_]+/.exec(indicator.query)?.[0] ?? ''
    const values = gaugeValues(phases, step, indicator)
    return [{ series: `${metric}{service="${slo.service}"}`, values: requestsPerStep > 0 ? values : '' }]
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

function firing(policy: Policy | undefined, atSeconds: number, count: number): ExpressionTest {
  const which = policy
    ? `alertname=~"ErrorBudgetBurn.*",long_window="${policy.longWindow}",burn_factor="${policy.factor}"`
    : 'alertname=~"ErrorBudgetBurn.*"'
  return {
    expr: `count(ALERTS{alertstate="firing",${which}}) or vector(0)`,
    eval_time: `${atSeconds}s`,
    exp_samples: [{ value: count }],
  }
}

/** Each sample of a gauge counts when it is evaluated; counters may be looked at less often. */
function evaluationIntervalOf(slo: Slo, shortSeconds: number, step: number): string {
  if (slo.indicator.kind === 'threshold' || shortSeconds <= 300) return `${step}s`
  return shortSeconds <= 3600 ? '1m' : '2m'
}

function burnGroup(slo: Slo, policy: Policy): TestGroup {
  const step = stepOf(slo, policy)
  const short = secondsOf(policy.shortWindow)
  const seconds = policy.severity === 'page' ? secondsOf(policy.longWindow) : short * 1.2
  const limit = policy.factor * (1 - slo.target)
  const phases: Phase[] = [
    { seconds, badRatio: limit * closeness[slo.indicator.kind].below },
    { seconds, badRatio: limit * closeness[slo.indicator.kind].above },
    { seconds: short * 1.5, badRatio: 0 },
  ]
  return {
    name: `${slo.id} at ${policy.factor} times over ${policy.longWindow}`,
    windows: [policy.longWindow, policy.shortWindow],
    evaluationInterval: evaluationIntervalOf(slo, short, step),
    interval: `${step}s`,
    input_series: seriesFor(slo, phases, step, 1000 * step),
    promql_expr_test: [
      firing(policy, seconds - 60, 0),
      firing(policy, seconds * 2 - 60, 1),
      firing(policy, seconds * 2 + short * 1.4, 0),
    ],
  }
}

/** Everything fails, but so little is asked that the long windows hold fewer bad requests than a page needs. */
function lowTrafficGroup(slo: Slo): TestGroup {
  const seconds = 3600
  const perStep = ((pageBadRequestsMin - 2) * 30) / seconds
  return {
    name: `${slo.id} with a handful of bad requests pages nobody`,
    windows: windowsOf(slo.period),
    evaluationInterval: '15s',
    interval: '30s',
    input_series: seriesFor(slo, [{ seconds, badRatio: 1 }], 30, perStep),
    promql_expr_test: [
      {
        expr: 'count(ALERTS{alertstate="firing",severity="page"}) or vector(0)',
        eval_time: `${seconds - 60}s`,
        exp_samples: [{ value: 0 }],
      },
    ],
  }
}

function noTrafficGroup(slo: Slo): TestGroup {
  return {
    name: `${slo.id} without traffic is without errors`,
    windows: windowsOf(slo.period),
    evaluationInterval: '15s',
    interval: '15s',
    input_series: seriesFor(slo, [{ seconds: 1200, badRatio: 0 }], 15, 0),
    promql_expr_test: [
      firing(undefined, 1100, 0),
      {
        expr: `sum(slo:sli_error:ratio_rate5m{sloth_id="${slo.id}"})`,
        eval_time: '1100s',
        exp_samples: [{ labels: '{}', value: 0 }],
      },
      {
        expr: `sum(slo:current_burn_rate:ratio{sloth_id="${slo.id}"})`,
        eval_time: '1100s',
        exp_samples: [{ labels: '{}', value: 0 }],
      },
    ],
  }
}

function noDataGroup(slo: Slo): TestGroup {
  return {
    name: `${slo.id} without data says so`,
    windows: windowsOf(slo.period),
    evaluationInterval: '15s',
    interval: '15s',
    input_series: [],
    promql_expr_test: [
      firing(undefined, 600, 0),
      {
        expr: 'count(ALERTS{alertname="SloWithoutData",alertstate="firing"}) or vector(0)',
        eval_time: '600s',
        exp_samples: [{ value: slo.period === '1d' ? 1 : 0 }],
      },
    ],
  }
}

/** The rules of an objective that a group needs. */
export function rulesFor(slo: Slo, group: TestGroup): { groups: RuleGroup[] } {
  const needed = ({ labels }: RecordingRule | AlertingRule) =>
    [undefined, ...group.windows].includes(labels.sloth_window)
  return { groups: ruleGroupsOf(slo).map((rules) => ({ ...rules, rules: rules.rules.filter(needed) })) }
}

/** All groups of one objective. */
export function scenariosOf(slo: Slo): TestGroup[] {
  const groups = [...burnPolicies[slo.period].map((policy) => burnGroup(slo, policy)), noDataGroup(slo)]
  // A gauge is sampled whether or not there is traffic, so these two say nothing of it.
  return slo.indicator.kind === 'ratio' ? [...groups, lowTrafficGroup(slo), noTrafficGroup(slo)] : groups
}
