/**
 * promtool test groups for every burn-rate alert of an objective: just below the limit it is silent, above it fires, and
 * once the errors stop it resets within its short window; with one of its windows alone over the limit it is silent. Low
 * traffic, no traffic and no data have groups of their own.
 *
 * A fleet that started an hour ago has windows of an hour, however long they are by name; so tickets over days are driven
 * by phases of their short window, which keeps a run in seconds. That a window is as long as its name is a matter of the
 * expression itself.
 */
import type { Slo } from '@linkfleet/slo/objective'
import {
  type AlertingRule,
  burnPolicies,
  pageBadRequestsMin,
  type RecordingRule,
  type RuleGroup,
  ruleGroupsOf,
  windowsOf,
} from '../rules.ts'
import { type InputSeries, type Phase, seriesFor } from './phase-series.ts'

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

/** With one window over the limit and the other under it nothing fires: what is over, or has only begun. */
function oneWindowGroup(slo: Slo, policy: Policy, over: 'long' | 'short'): TestGroup {
  const step = stepOf(slo, policy)
  const short = secondsOf(policy.shortWindow)
  const limit = policy.factor * (1 - slo.target)
  const phases: Phase[] =
    over === 'long'
      ? [
          { seconds: short * 3, badRatio: limit * 4 },
          { seconds: short * 1.5, badRatio: 0 },
        ]
      : [
          { seconds: short * 4, badRatio: 0 },
          { seconds: short * 1.2, badRatio: limit * closeness[slo.indicator.kind].above },
        ]
  const atSeconds = phases.reduce((sum, { seconds }) => sum + seconds, 0) - 2 * step
  const isOver = (window: string, value: 0 | 1): ExpressionTest => ({
    expr: `max(slo:sli_error:ratio_rate${window}{sloth_id="${slo.id}"}) > bool ${limit}`,
    eval_time: `${atSeconds}s`,
    exp_samples: [{ labels: '{}', value }],
  })
  return {
    name: `${slo.id} over ${policy.longWindow}: its ${over} window alone is over ${policy.factor} times`,
    windows: [policy.longWindow, policy.shortWindow],
    evaluationInterval: evaluationIntervalOf(slo, short, step),
    interval: `${step}s`,
    input_series: seriesFor(slo, phases, step, 1000 * step),
    promql_expr_test: [
      isOver(policy.longWindow, over === 'long' ? 1 : 0),
      isOver(policy.shortWindow, over === 'short' ? 1 : 0),
      firing(policy, atSeconds, 0),
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

/** Windows of five minutes end five minutes after the last word; a minute later somebody is told, until there is data again. */
function dataComesAndGoesGroup(slo: Slo): TestGroup {
  const silent = (atSeconds: number, count: number): ExpressionTest => ({
    expr: 'count(ALERTS{alertname="SloWithoutData",alertstate="firing"}) or vector(0)',
    eval_time: `${atSeconds}s`,
    exp_samples: [{ value: count }],
  })
  const phases: Phase[] = [
    { seconds: 600, badRatio: 0 },
    { seconds: 600, badRatio: null },
    { seconds: 300, badRatio: 0 },
  ]
  return {
    name: `${slo.id} whose data goes and comes back`,
    windows: ['1m', '5m'],
    evaluationInterval: '15s',
    interval: '15s',
    input_series: seriesFor(slo, phases, 15, 1000),
    promql_expr_test: [silent(585, 0), silent(930, 0), silent(1_020, 1), silent(1_320, 0)],
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
  const ofPolicy = (policy: Policy) => [
    burnGroup(slo, policy),
    oneWindowGroup(slo, policy, 'long'),
    oneWindowGroup(slo, policy, 'short'),
  ]
  const groups = [...burnPolicies[slo.period].flatMap(ofPolicy), noDataGroup(slo)]
  if (slo.period === '1d') groups.push(dataComesAndGoesGroup(slo))
  // A gauge is sampled whether or not there is traffic, so these two say nothing of it.
  return slo.indicator.kind === 'ratio' ? [...groups, lowTrafficGroup(slo), noTrafficGroup(slo)] : groups
}
