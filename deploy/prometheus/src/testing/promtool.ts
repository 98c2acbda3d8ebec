/** The rules of an objective, tried by promtool. Where there is no promtool and none can be had, `why` says so. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPrometheus } from '@linkfleet/local/programs/prometheus'
import type { Slo } from '@linkfleet/slo/objective'
import { stringify } from 'yaml'
import { readSloFolder } from '../slo.ts'
import { rulesFor, scenariosOf, type TestGroup } from './burn-scenarios.ts'

export interface Promtool extends AsyncDisposable {
  readonly isMissing: boolean
  /** For the name of what is skipped; empty when there is a promtool. */
  readonly why: string
  /** Resolves with what promtool says; rejects with it when something is not as expected. */
  run(...args: string[]): Promise<string>
  /** Rejects when the alerts of one group of scenarios are not as it expects. */
  tryBurn(burn: BurnCase): Promise<string>
}

export interface BurnCase {
  readonly name: string
  readonly slo: Slo
  readonly group: TestGroup
}

export async function openPromtool(): Promise<Promtool> {
  const found = await findPrometheus({ progress: () => {} })
  const promtool = 'missing' in found ? undefined : found.promtool
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-rules-'))
  async function run(...args: string[]): Promise<string> {
    const { stdout, stderr } = await promisify(execFile)(promtool ?? '', args, { timeout: 55_000 })
    return stdout + stderr
  }
  return {
    isMissing: promtool === undefined,
    why: promtool === undefined ? `: ${'missing' in found ? found.missing : 'there is no promtool'}` : '',
    run,
    async tryBurn({ slo, group, name }) {
      const file = join(folder, name.replaceAll(/[^a-z0-9]+/g, '-'))
      await writeFile(`${file}.rules.yml`, stringify(rulesFor(slo, group), { lineWidth: 0 }))
      const { windows: _windows, evaluationInterval, ...testGroup } = group
      const suite = {
        rule_files: [`${file}.rules.yml`],
        evaluation_interval: evaluationInterval,
        tests: [testGroup],
      }
      await writeFile(`${file}.test.yml`, stringify(suite, { lineWidth: 0 }))
      return await run('test', 'rules', `${file}.test.yml`)
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** With one of its windows alone. Objectives of one kind have the same rules; these are of a kind with redirect's. */
const isRepeated = (name: string) => /^(shortener|id-generator).* window alone/.test(name)

/** Of all objectives. With one of its windows alone, over days, one objective of each kind is tried: such runs take the longest. */
export function burnCasesOf(sloFolder: string): BurnCase[] {
  return readSloFolder(sloFolder).flatMap((slo) =>
    scenariosOf(slo)
      .filter(({ name }) => !(name.includes('-30d ') && isRepeated(name)))
      .map((group) => ({ slo, group, name: group.name })),
  )
}

/** Minutes of CPU for all of them: over 30 days, and what is tried of another objective of the kind already. */
export const isLong = ({ name }: BurnCase): boolean => name.includes('-30d ') || isRepeated(name)
