/** The alerts of objectives over 30 days, and more of those over one day, tried by promtool: see rules.engine.test.ts. */
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { burnCasesOf, isLong, openPromtool } from './src/testing/promtool.ts'

const promtool = await openPromtool()
afterAll(() => promtool[Symbol.asyncDispose]())

describe.skipIf(promtool.isMissing)(`promtool${promtool.why}`, () => {
  const cases = burnCasesOf(join(import.meta.dirname, '../slo')).filter(isLong)
  test.each(cases)('$name', async (burn) => {
    expect(await promtool.tryBurn(burn)).toContain('SUCCESS')
  })
})
