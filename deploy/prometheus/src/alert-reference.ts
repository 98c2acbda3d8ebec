/** docs/reference/alerts.md: every objective, what a customer is promised, and every alert with when it fires. */
import type { ServiceLevelAgreement, Slo } from '@linkfleet/slo/objective'
import type { RuleFile } from './generate.ts'
import { type AlertingRule, burnPolicies, pageBadRequestsMin } from './rules.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim()

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(6))} %`

const goodOf = ({ indicator }: Slo): string =>
  indicator.kind === 'ratio'
    ? `\`${indicator.good}\` of \`${indicator.total}\``
    : `\`${indicator.query}\` is at ${indicator.op === 'lte' ? 'most' : 'least'} ${indicator.value}`

/** What Prometheus fills in when an alert fires, by its name. */
const withoutTemplates = (text: string): string =>
  text.replaceAll(/\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}/g, (_template, name: string) => `*${name}*`)

/** Alerts of objectives are told once as a policy; a rule for each objective would say the same many times. */
function policyRows(): string[][] {
  return Object.entries(burnPolicies).flatMap(([period, policies]) =>
    policies.map(({ severity, factor, longWindow, shortWindow }) => [
      period,
      severity,
      `${factor}`,
      longWindow,
      shortWindow,
      severity === 'page' ? `at least ${pageBadRequestsMin} bad in ${longWindow}` : '',
    ]),
  )
}

function alertRows(files: readonly RuleFile[]): string[][] {
  const alerts = files
    .filter(({ name }) => !name.startsWith('slo-'))
    .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
    .filter((rule): rule is AlertingRule => 'alert' in rule)
  return alerts.map(({ alert, expr, for: pending, labels, annotations }) => [
    `[${alert}](../runbooks/${alert}.md)`,
    labels.severity ?? '',
    `\`${expr.trim().replaceAll(/\s+/g, ' ')}\``,
    pending ?? 'at once',
    withoutTemplates(annotations.description ?? ''),
  ])
}

export function alertReference(
  slos: readonly Slo[],
  agreement: ServiceLevelAgreement,
  files: readonly RuleFile[],
): string {
  const objectives = slos.map((slo) => [
    slo.title,
    `\`${slo.id}\``,
    percent(slo.target),
    slo.period,
    goodOf(slo),
  ])
  const credits = agreement.credits.map(({ below, percent: owed }) => [
    `below ${percent(below)}`,
    `${owed} %`,
  ])
  return `# Objectives and alerts

Generated from \`deploy/slo\` and \`deploy/prometheus/rules\` by \`npm run slo -- generate\`.

## Objectives

${table(['objective', 'id', 'target', 'window', 'good'], objectives)}

## What a customer is promised

${agreement.description}

${table(["a day's availability", "owed of that day's fee"], credits)}

## When an error budget burns too fast

For every objective above, over both windows at once: the long one says that it matters, the short one that it goes on.
Pages are [ErrorBudgetBurnFast](../runbooks/ErrorBudgetBurnFast.md), tickets are
[ErrorBudgetBurnSlow](../runbooks/ErrorBudgetBurnSlow.md); an objective without data is
[SloWithoutData](../runbooks/SloWithoutData.md).

${table(['objective over', 'severity', 'times too fast', 'long window', 'short window', 'and'], policyRows())}

## Alerts on the fleet itself

${table(['alert', 'severity', 'fires when', 'for', 'meaning'], alertRows(files))}
`
}
