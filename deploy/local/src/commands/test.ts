/**
 * `npm test`: the tests, and as the last line how many passed and failed over the whole run. Those that take minutes each
 * run with `--all`, or when a project or a path names them.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, signals } from './child.ts'

export interface TestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests?: number
}

/** What one run of vitest came to; no report means that it did not get that far. */
export interface Outcome {
  readonly status: number
  readonly report: TestReport | undefined
}

/** One after the other: the fleet that one of them starts would only slow the others. */
const stages = [['unit', 'engine'], ['fleet'], ['faults']]
const longStage = ['long']

export async function test(args: string[], checkout: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'linkfleet-test-'))
  const vitest = join(checkout, 'test/node_modules/vitest/vitest.mjs')
  const config = ['run', '--config', join(checkout, 'test/vitest.config.ts')]
  let interrupted = false
  const interrupt = () => {
    interrupted = true
  }
  for (const signal of signals) process.on(signal, interrupt)
  try {
    const outcomes: Outcome[] = []
    for (const [number, chosen] of stagesOf(args).entries()) {
      if (interrupted) break
      const file = join(folder, `report-${number}.json`)
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
      const status = await runChild(process.execPath, [vitest, ...config, ...reporters, ...chosen], checkout)
      outcomes.push({ status, report: await readReport(file) })
    }
    console.log(closingLine(outcomes))
    return interrupted ? 1 : statusOf(outcomes)
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
    await rm(folder, { recursive: true, force: true })
  }
}

/** What vitest is told, run by run. */
export function stagesOf(args: readonly string[]): string[][] {
  const rest = args.filter((arg) => arg !== '--all')
  if (args.some((arg) => arg.startsWith('--project') || arg.includes('.long.'))) return [rest]
  const chosen = args.includes('--all') ? [...stages, longStage] : stages
  // A path may be of one project only.
  return chosen.map((projects) => [
    ...projects.map((project) => `--project=${project}`),
    '--passWithNoTests',
    ...rest,
  ])
}

async function readReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TestReport
  } catch {
    return undefined
  }
}

/** A run that failed outside of its tests (a file that cannot be loaded, a set-up) counts as one failure. */
export function closingLine(outcomes: readonly Outcome[]): string {
  let [passed, failed, skipped] = [0, 0, 0]
  for (const { status, report } of outcomes) {
    const failedTests = report?.numFailedTests ?? 0
    passed += report?.numPassedTests ?? 0
    failed += status !== 0 && failedTests === 0 ? 1 : failedTests
    skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  }
  // Where nothing ran, what was asked for is not there.
  if (passed + failed + skipped === 0) failed = 1
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

export function statusOf(outcomes: readonly Outcome[]): number {
  const failed = outcomes.find(({ status }) => status !== 0)
  if (failed !== undefined) return failed.status
  return outcomes.some(({ report }) => report !== undefined && countOf(report) > 0) ? 0 : 1
}

const countOf = ({ numPassedTests, numFailedTests, numPendingTests }: TestReport) =>
  numPassedTests + numFailedTests + numPendingTests
