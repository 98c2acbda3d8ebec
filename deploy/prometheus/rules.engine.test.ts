/** The alerts, tried by promtool: where there is no promtool and none can be had these tests are reported as skipped. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPrometheus } from '@linkfleet/local/programs/prometheus'
import { afterAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readSloFolder } from './src/slo.ts'
import { rulesFor, scenariosOf } from './src/testing/burn-scenarios.ts'

const here = import.meta.dirname
const found = await findPrometheus({ progress: () => {} })
const promtool = 'missing' in found ? undefined : found.promtool
const why = promtool === undefined ? `: ${'missing' in found ? found.missing : 'there is no promtool'}` : ''

const folder = await mkdtemp(join(tmpdir(), 'linkfleet-rules-'))
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Resolves with what promtool says; rejects with it when something is not as expected. */
async function runPromtool(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(promtool ?? '', args, { timeout: 55_000 })
  return stdout + stderr
}

describe.skipIf(promtool === undefined)(`promtool${why}`, () => {
  test('all rule files are valid', async () => {
    const files = (await readdir(join(here, 'rules'))).map((name) => join(here, 'rules', name))
    expect(await runPromtool('check', 'rules', ...files)).toContain('SUCCESS')
  })

  test('the configuration is valid', async () => {
    const answer = await runPromtool('check', 'config', '--syntax-only', join(here, 'prometheus.yml'))
    expect(answer).toContain('SUCCESS')
  })

  test('alerts on instances and services fire, stay silent, and reset', async () => {
    for (const name of await readdir(join(here, 'tests'))) {
      expect(await runPromtool('test', 'rules', join(here, 'tests', name))).toContain('SUCCESS')
    }
  })

  const tried = readSloFolder(join(here, '../slo'))
  // With one of its windows alone, over days, one objective of each kind is tried: such runs take the longest.
  const isRepeated = (name: string) => /^(shortener|id-generator).*-30d .* window alone/.test(name)
  const cases = tried.flatMap((slo) =>
    scenariosOf(slo)
      .filter(({ name }) => !isRepeated(name))
      .map((group) => ({ slo, group, name: group.name })),
  )
  test.each(cases)('$name', async ({ slo, group, name }) => {
    const file = join(folder, name.replaceAll(/[^a-z0-9]+/g, '-'))
    await writeFile(`${file}.rules.yml`, stringify(rulesFor(slo, group), { lineWidth: 0 }))
    const { windows: _windows, evaluationInterval, ...testGroup } = group
    const suite = {
      rule_files: [`${file}.rules.yml`],
      evaluation_interval: evaluationInterval,
      tests: [testGroup],
    }
    await writeFile(`${file}.test.yml`, stringify(suite, { lineWidth: 0 }))
    expect(await runPromtool('test', 'rules', `${file}.test.yml`)).toContain('SUCCESS')
  })
})
