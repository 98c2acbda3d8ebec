/** The alerts, tried by promtool: where there is no promtool and none can be had these tests are reported as skipped. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { burnCasesOf, isLong, openPromtool } from './src/testing/promtool.ts'

const here = import.meta.dirname
const promtool = await openPromtool()
afterAll(() => promtool[Symbol.asyncDispose]())

describe.skipIf(promtool.isMissing)(`promtool${promtool.why}`, () => {
  test('all rule files are valid', async () => {
    const files = (await readdir(join(here, 'rules'))).map((name) => join(here, 'rules', name))
    expect(await promtool.run('check', 'rules', ...files)).toContain('SUCCESS')
  })

  test('the configuration is valid', async () => {
    const answer = await promtool.run('check', 'config', '--syntax-only', join(here, 'prometheus.yml'))
    expect(answer).toContain('SUCCESS')
  })

  test('alerts on instances and services fire, stay silent, and reset', async () => {
    for (const name of await readdir(join(here, 'tests'))) {
      expect(await promtool.run('test', 'rules', join(here, 'tests', name))).toContain('SUCCESS')
    }
  })

  const cases = burnCasesOf(join(here, '../slo')).filter((each) => !isLong(each))
  test.each(cases)('$name', async (burn) => {
    expect(await promtool.tryBurn(burn)).toContain('SUCCESS')
  })
})
