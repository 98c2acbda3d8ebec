import { expect, test } from 'vitest'
import { chosen, closingLine } from './test.ts'

const report = (numPassedTests: number, numFailedTests: number, numPendingTests: number) => ({
  numPassedTests,
  numFailedTests,
  numPendingTests,
})

test('the last line counts the whole run', () => {
  expect(closingLine(report(12, 0, 0), 0)).toBe('12 passed, 0 failed')
  expect(closingLine(report(12, 3, 2), 1)).toBe('12 passed, 3 failed, 2 skipped')
})

test('a run that failed outside of its tests never reads as a success', () => {
  expect(closingLine(report(12, 0, 0), 1)).toBe('12 passed, 1 failed')
  expect(closingLine(undefined, 1)).toBe('0 passed, 1 failed')
})

test('what takes minutes each runs when it is asked for', () => {
  expect(chosen([])).toEqual(['--project=!long'])
  expect(chosen(['services/redirect'])).toEqual(['--project=!long', 'services/redirect'])
  expect(chosen(['--all'])).toEqual([])
  for (const args of [['--project', 'long'], ['--project=unit'], ['test/faults/privacy.long.test.ts']])
    expect(chosen(args)).toEqual(args)
})
