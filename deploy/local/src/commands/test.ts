/**
 * `npm test`: the tests, and as the last line how many passed and failed over the whole run. Those that take minutes each
 * run with `--all`, or when a project or a path names them.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child.ts'

export type TestReport = {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests?: number
}

export async function test(args: string[], checkout: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-test-'))
  const report = join(folder, 'report.json')
  try {
    const vitest = join(checkout, 'test/node_modules/vitest/vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const config = ['run', '--config', join(checkout, 'test/vitest.config.ts')]
    const status = await runChild(
      process.execPath,
      [vitest, ...config, ...reporters, ...chosen(args)],
      checkout,
    )
    console.log(closingLine(await readReport(report), status))
    return status
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What vitest is told. */
export function chosen(args: readonly string[]): string[] {
  const rest = args.filter((arg) => arg !== '--all')
  const isChosen = args.some(
    (arg) => arg === '--all' || arg.startsWith('--project') || arg.includes('.long.'),
  )
  return isChosen ? rest : ['--project=!long', ...rest]
}

async function readReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TestReport
  } catch {
    return undefined
  }
}

/** A run that failed outside of its tests (a file that cannot be loaded, a set-up) counts as one failure. */
export function closingLine(report: TestReport | undefined, status: number): string {
  const passed = report?.numPassedTests ?? 0
  const failed = report?.numFailedTests ?? 0
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  const failedAtLeast = status !== 0 && failed === 0 ? 1 : failed
  return `${passed} passed, ${failedAtLeast} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
