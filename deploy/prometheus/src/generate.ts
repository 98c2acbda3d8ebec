/** What is made from deploy/slo, as file name and text. Pure but for reading that folder. */
import { stringify } from 'yaml'
import { ruleFileOf } from './rules.ts'
import { readSloFolder } from './slo.ts'

const heading =
  '# Generated from deploy/slo by `node deploy/prometheus/src/main.ts`. Change the objectives, not this file.\n'

export interface GeneratedFile {
  /** Relative to deploy/prometheus. */
  readonly path: string
  readonly text: string
}

export function generateRuleFiles(sloFolder: string): GeneratedFile[] {
  const slos = readSloFolder(sloFolder)
  return [...new Set(slos.map((slo) => slo.service))].map((service) => ({
    path: `rules/slo-${service}.yml`,
    text:
      heading +
      stringify(ruleFileOf(slos.filter((slo) => slo.service === service)), {
        lineWidth: 0,
        aliasDuplicateObjects: false,
      }),
  }))
}
