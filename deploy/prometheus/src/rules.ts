/**
 * Recording and alerting rules from objectives: multi-window, multi-burn-rate alerts after chapter 5 of the SRE workbook
 * (https://sre.google/workbook/alerting-on-slos/), under the names that Sloth gives (https://sloth.dev), so that existing
 * dashboards understand them.
 *
 * The budget is weighted by requests: each window's ratio is the increase of bad over the increase of all, never a mean of
 * ratios. A window without traffic is one without errors (0, not NaN); a window without data has no value at all, and an
 * alert of its own.
 */
import { type RatioIndicator, type Slo, type SloPeriod, sloPeriods } from '@linkfleet/slo/objective'

export interface RecordingRule {
  readonly record: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
}

export interface AlertingRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuleGroup {
  readonly name: string
  readonly interval?: string
  readonly rules: readonly (RecordingRule | AlertingRule)[]
}

interface BurnPolicy {
  readonly severity: 'page' | 'ticket'
  readonly factor: number
  readonly longWindow: string
  readonly shortWindow: string
}

/** Spending 14.4 times too fast uses 10 % of a day's budget in 10 min, 2 % of 30 days' budget in an hour. */
export const burnPolicies: Readonly<Record<SloPeriod, readonly BurnPolicy[]>> = {
  '1d': [
    { severity: 'page', factor: 14.4, longWindow: '10m', shortWindow: '1m' },
    { severity: 'page', factor: 6, longWindow: '1h', shortWindow: '5m' },
    { severity: 'ticket', factor: 3, longWindow: '4h', shortWindow: '20m' },
    { severity: 'ticket', factor: 1, longWindow: '12h', shortWindow: '1h' },
  ],
  '30d': [
    { severity: 'page', factor: 14.4, longWindow: '1h', shortWindow: '5m' },
    { severity: 'page', factor: 6, longWindow: '6h', shortWindow: '30m' },
    { severity: 'ticket', factor: 3, longWindow: '1d', shortWindow: '2h' },
    { severity: 'ticket', factor: 1, longWindow: '3d', shortWindow: '6h' },
  ],
}

/** Fewer bad requests than this wake nobody: at low traffic a handful is many percent and means little. */
export const pageBadRequestsMin = 20

/** The window that `slo:current_burn_rate:ratio` speaks of. */
const currentWindow = '5m'

/** How often windows of a length are worked out. Prometheus's own evaluation interval where nothing is said. */
const slowInterval = '15s'
const stepInterval = '1m'

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

function secondsOf(window: string): number {
  return Number(window.slice(0, -1)) * (unitSeconds[window.slice(-1)] ?? Number.NaN)
}

/** Every window that a period needs, shortest first. */
export function windowsOf(period: SloPeriod): string[] {
  const windows = burnPolicies[period].flatMap(({ longWindow, shortWindow }) => [longWindow, shortWindow])
  return [...new Set([...windows, currentWindow, period])].sort((a, b) => secondsOf(a) - secondsOf(b))
}

export function ruleGroupsOf(slo: Slo): RuleGroup[] {
  const windows = windowsOf(slo.period)
  const within = (from: number, to: number) =>
    windows.filter((window) => secondsOf(window) > from && secondsOf(window) <= to)
  const record = (window: string) => windowRules(slo, window)
  const groups: RuleGroup[] = [
    { name: `${slo.id}-samples`, rules: sampleRules(slo) },
    { name: `${slo.id}-minutes`, rules: within(0, 3600).flatMap(record) },
    { name: `${slo.id}-hours`, interval: slowInterval, rules: within(3600, 86_400).flatMap(record) },
    {
      name: `${slo.id}-days`,
      interval: stepInterval,
      rules: [...stepRules(slo), ...within(86_400, Number.POSITIVE_INFINITY).flatMap(record)],
    },
    { name: `${slo.id}-budget`, rules: budgetRules(slo) },
    { name: `${slo.id}-alerts`, rules: [...burnAlerts(slo), ...noDataAlerts(slo)] },
  ]
  return groups.filter((group) => group.rules.length > 0)
}

function labelsOf(slo: Slo): Record<string, string> {
  return { sloth_id: slo.id, sloth_service: slo.service, sloth_slo: slo.id.replace(`${slo.service}-`, '') }
}

const only = (slo: Slo): string => `{sloth_id="${slo.id}"}`

/** A gauge is turned into one sample of 0 or 1 at each evaluation; ratios need nothing like it. */
function sampleRules(slo: Slo): RecordingRule[] {
  if (slo.indicator.kind !== 'threshold') return []
  const { query, op, value } = slo.indicator
  const isBad = op === 'lte' ? '>' : '<'
  return [{ record: 'slo:sli_bad:sample', expr: `(${query}) ${isBad} bool ${value}`, labels: labelsOf(slo) }]
}

/**
 * Windows of several days are added up from minutes: `increase` over 30 days would read every raw sample of every series
 * again at each evaluation.
 */
function stepRules(slo: Slo): RecordingRule[] {
  const days = windowsOf(slo.period).some((window) => secondsOf(window) > 86_400)
  if (slo.indicator.kind !== 'ratio' || !days) return []
  return countRules(rawCounts(slo, slo.indicator, stepInterval, 'slo:sli_total:step'), 'step', labelsOf(slo))
}

/** PromQL for all requests of a window, and for the bad ones among them. */
interface Counts {
  readonly total: string
  readonly bad: string
}

/** Of raw samples. Both come of the same scrapes, so that their difference is below 0 by rounding only. */
function rawCounts(slo: Slo, indicator: RatioIndicator, window: string, totalRecord: string): Counts {
  const all = `sum(${totalRecord}${only(slo)})`
  return {
    total: `sum(increase(${indicator.total}[${window}]))`,
    bad: `clamp_min(${all} - (sum(increase(${indicator.good}[${window}])) or ${all} * 0), 0)`,
  }
}

function countsIn(slo: Slo, window: string, totalRecord: string): Counts {
  const { indicator } = slo
  if (indicator.kind === 'threshold') {
    const samples = `slo:sli_bad:sample${only(slo)}[${window}]`
    return { total: `sum(count_over_time(${samples}))`, bad: `sum(sum_over_time(${samples}))` }
  }
  if (secondsOf(window) <= 86_400) return rawCounts(slo, indicator, window, totalRecord)
  const ofSteps = (what: string) => `sum(sum_over_time(slo:sli_${what}:step${only(slo)}[${window}]))`
  return { total: ofSteps('total'), bad: ofSteps('bad') }
}

/** The bad ones may be worked out from the recorded total, which therefore comes first. */
function countRules(counts: Counts, suffix: string, labels: Record<string, string>): RecordingRule[] {
  return [
    { record: `slo:sli_total:${suffix}`, expr: counts.total, labels },
    { record: `slo:sli_bad:${suffix}`, expr: counts.bad, labels },
  ]
}

function windowRules(slo: Slo, window: string): RecordingRule[] {
  const suffix = `increase${window}`
  const labels = { ...labelsOf(slo), sloth_window: window }
  const all = `slo:sli_total:${suffix}${only(slo)}`
  return [
    ...countRules(countsIn(slo, window, `slo:sli_total:${suffix}`), suffix, labels),
    {
      record: `slo:sli_error:ratio_rate${window}`,
      expr: `slo:sli_bad:${suffix}${only(slo)} / (${all} > 0) or ${all} * 0`,
      labels,
    },
  ]
}

function budgetRules(slo: Slo): RecordingRule[] {
  const labels = labelsOf(slo)
  const budget = budgetOf(slo)
  const ratio = (window: string) =>
    `max without (sloth_window) (slo:sli_error:ratio_rate${window}${only(slo)})`
  return [
    { record: 'slo:objective:ratio', expr: `vector(${slo.target})`, labels },
    { record: 'slo:error_budget:ratio', expr: `vector(${budget})`, labels },
    { record: 'slo:time_period:days', expr: `vector(${secondsOf(slo.period) / 86_400})`, labels },
    { record: 'slo:current_burn_rate:ratio', expr: `${ratio(currentWindow)} / ${budget}`, labels },
    { record: 'slo:period_burn_rate:ratio', expr: `${ratio(slo.period)} / ${budget}`, labels },
    {
      record: 'slo:period_error_budget_remaining:ratio',
      expr: `1 - slo:period_burn_rate:ratio${only(slo)}`,
      labels,
    },
    {
      record: 'sloth_slo_info',
      expr: 'vector(1)',
      labels: { ...labels, sloth_mode: 'linkfleet', sloth_objective: String(round(slo.target * 100)) },
    },
  ]
}

/** 1 - 0.999 is 0.001 here, and not what binary fractions make of it. */
const round = (value: number): number => Number(value.toPrecision(12))

const budgetOf = (slo: Slo): number => round(1 - slo.target)

const alertNames = { page: 'ErrorBudgetBurnFast', ticket: 'ErrorBudgetBurnSlow' } as const

function burnAlerts(slo: Slo): AlertingRule[] {
  return burnPolicies[slo.period].map((policy) => {
    const limit = round(policy.factor * budgetOf(slo))
    const above = (window: string) =>
      `max without (sloth_window) (slo:sli_error:ratio_rate${window}${only(slo)}) > ${limit}`
    const enough = `max without (sloth_window) (slo:sli_bad:increase${policy.longWindow}${only(slo)}) >= ${pageBadRequestsMin}`
    const conditions = [above(policy.longWindow), above(policy.shortWindow)]
    if (policy.severity === 'page') conditions.push(enough)
    return {
      alert: alertNames[policy.severity],
      expr: conditions.join('\nand '),
      labels: {
        severity: policy.severity,
        service: slo.service,
        period: slo.period,
        burn_factor: String(policy.factor),
        long_window: policy.longWindow,
      },
      annotations: {
        summary: `${slo.title}: the error budget burns more than ${policy.factor} times too fast.`,
        description: `{{ $value | humanizePercentage }} bad over ${policy.longWindow}; more than ${round(limit * 100)} % spends the budget of ${slo.period} too fast.`,
        runbook: `docs/runbooks/${alertNames[policy.severity]}.md`,
      },
    }
  })
}

/** Dead servers record nothing, and nothing is not good. Once for each service: both periods have the same data. */
function noDataAlerts(slo: Slo): AlertingRule[] {
  if (slo.period !== '1d') return []
  return [
    {
      alert: 'SloWithoutData',
      expr: `absent(slo:sli_error:ratio_rate${currentWindow}${only(slo)})`,
      for: '1m',
      labels: { severity: 'page', service: slo.service },
      annotations: {
        summary: `${slo.title}: there is no data to judge it by.`,
        description: 'No instance has reported the metrics of this objective for five minutes.',
        runbook: 'docs/runbooks/SloWithoutData.md',
      },
    },
  ]
}

/** The rule file of one service: every period that it has an objective for, in a fixed order. */
export function ruleFileOf(slos: readonly Slo[]): { groups: RuleGroup[] } {
  const ordered = [...slos].sort((a, b) => sloPeriods.indexOf(a.period) - sloPeriods.indexOf(b.period))
  return { groups: ordered.flatMap(ruleGroupsOf) }
}
