/** All that is made from deploy/slo, as file name and text. Reads that folder and the hand-written rules, writes nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Slo } from '@linkfleet/slo/objective'
import { parse, stringify } from 'yaml'
import { alertReference } from './alert-reference.ts'
import { dashboards } from './dashboards/dashboards.ts'
import { durationRules } from './duration-rules.ts'
import { type RuleGroup, ruleFileOf } from './rules.ts'
import { readAgreement, readSloFolder } from './slo.ts'

export interface GeneratedFile {
  /** Relative to the checkout. */
  readonly path: string
  readonly text: string
}

export interface RuleFile {
  readonly name: string
  readonly groups: readonly RuleGroup[]
}

const made = 'Generated from deploy/slo by `npm run slo -- generate`. Change the objectives, not this file.'

export function generateFiles(checkout: string): GeneratedFile[] {
  const sloFolder = join(checkout, 'deploy/slo')
  const slos = readSloFolder(sloFolder)
  const rules = ruleFilesOf(slos)
  const agreement = readAgreement(sloFolder)
  return [
    ...rules.map(({ name, groups }) => ({
      path: `deploy/prometheus/rules/${name}`,
      text: `# ${made}\n${stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false })}`,
    })),
    ...dashboards(slos).map((dashboard) => ({
      path: `deploy/grafana/dashboards/${dashboard.uid.replace('linkfleet-', '')}.json`,
      text: `${JSON.stringify(dashboard, null, 2)}\n`,
    })),
    {
      path: 'docs/reference/alerts.md',
      text: alertReference(slos, agreement, [...rules, ...writtenRules(checkout)]),
    },
    {
      path: 'packages/slo/src/generated/objectives.ts',
      text: [
        `// ${made}`,
        "import type { ServiceLevelAgreement, Slo } from '../objective.ts'",
        '',
        `export const slos: readonly Slo[] = ${JSON.stringify(slos, null, 2)}`,
        '',
        `export const agreement: ServiceLevelAgreement = ${JSON.stringify(agreement, null, 2)}`,
        '',
      ].join('\n'),
    },
    {
      path: 'test/load/generated/promised.js',
      text: `// ${made}\nexport const promised = ${JSON.stringify(promisedOf(slos), null, 2)}\n`,
    },
  ]
}

/** What k6, which reads no TypeScript, judges a day's requests by. */
function promisedOf(slos: readonly Slo[]): Record<string, { target: number; thresholdMs: number }> {
  return Object.fromEntries(
    slos.flatMap(({ service, period, target, indicator }) =>
      period === '1d' && indicator.kind === 'ratio'
        ? [[service, { target, thresholdMs: indicator.thresholdSeconds * 1000 }]]
        : [],
    ),
  )
}

function ruleFilesOf(slos: readonly Slo[]): RuleFile[] {
  const services = [...new Set(slos.map((slo) => slo.service))]
  const ofServices = services.map((service) => ({
    name: `slo-${service}.yml`,
    ...ruleFileOf(slos.filter((slo) => slo.service === service)),
  }))
  return [...ofServices, { name: 'durations.yml', groups: [durationRules(slos)] }]
}

/** Rules about processes, which follow from no objective. */
function writtenRules(checkout: string): RuleFile[] {
  const folder = join(checkout, 'deploy/prometheus/rules')
  const names = readdirSync(folder).filter((name) => !name.startsWith('slo-') && name !== 'durations.yml')
  return names.sort().map((name) => ({
    name,
    groups: (parse(readFileSync(join(folder, name), 'utf8')) as { groups: RuleGroup[] }).groups,
  }))
}
