import { expect, test } from 'vitest'
import { closingLine, type Outcome, stagesOf, statusOf } from './test.ts'

const outcome = (
  status: number,
  numPassedTests: number,
  numFailedTests = 0,
  numPendingTests = 0,
): Outcome => ({
  status,
  report: { numPassedTests, numFailedTests, numPendingTests },
})

test('the last line counts all runs', () => {
  expect(closingLine([outcome(0, 12)])).toBe('12 passed, 0 failed')
  expect(closingLine([outcome(0, 10, 0, 2), outcome(1, 2, 3)])).toBe('12 passed, 3 failed, 2 skipped')
})

test('a run that failed outside of its tests never reads as a success', () => {
  const outcomes = [outcome(0, 5), outcome(1, 12)]
  expect(closingLine(outcomes)).toBe('17 passed, 1 failed')
  expect(statusOf(outcomes)).toBe(1)
  expect(closingLine([{ status: 1, report: undefined }])).toBe('0 passed, 1 failed')
})

test('where no test ran, the run failed', () => {
  const outcomes = [outcome(0, 0), { status: 0, report: undefined }]
  expect(closingLine(outcomes)).toBe('0 passed, 1 failed')
  expect(statusOf(outcomes)).toBe(1)
  expect(statusOf([outcome(0, 0), outcome(0, 1)])).toBe(0)
})

test('what starts a fleet runs after what does not, and what takes minutes each when it is asked for', () => {
  const projects = (args: string[]) =>
    stagesOf(args).map((stage) => stage.filter((arg) => arg.startsWith('--project=')).length)
  expect(projects([])).toEqual([2, 1, 1])
  expect(projects(['--all'])).toEqual([2, 1, 1, 1])
  expect(stagesOf(['services/redirect'])[0]).toEqual([
    '--project=unit',
    '--project=engine',
    '--passWithNoTests',
    'services/redirect',
  ])
  for (const args of [['--project', 'long'], ['--project=unit'], ['test/faults/privacy.long.test.ts']])
    expect(stagesOf(args)).toEqual([args])
})
