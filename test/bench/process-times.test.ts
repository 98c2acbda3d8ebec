import { expect, test } from 'vitest'
import { parseMemory, parseStat, parseStolenTicks, sumTrees } from './process-times.ts'

const stat = (pid: number, name: string, parent: number, times: string) =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 100 200 0 0 ${times} 20 0 11 0 12345 1000000 5000 184 1 1`

test('times are of the process and of the children it has waited for', () => {
  expect(parseStat(stat(42, 'node', 7, '100 20 3 4'))).toEqual({ pid: 42, parentPid: 7, ticks: 127 })
})

test('a name with spaces and parentheses moves no field', () => {
  expect(parseStat(stat(42, 'a) S 9 (b', 7, '1 2 0 0'))).toEqual({ pid: 42, parentPid: 7, ticks: 3 })
})

test('a tree is its root and everything below, and nothing beside', () => {
  const processes = [
    { pid: 1, parentPid: 0, ticks: 1_000 },
    { pid: 10, parentPid: 1, ticks: 5 },
    { pid: 11, parentPid: 10, ticks: 7 },
    { pid: 12, parentPid: 11, ticks: 11 },
    { pid: 20, parentPid: 1, ticks: 100 },
  ]
  expect(sumTrees(processes, [10])).toBe(23)
  expect(sumTrees(processes, [10, 20])).toBe(123)
  expect(sumTrees(processes, [99])).toBe(0)
})

test('memory is told in kB', () => {
  expect(
    parseMemory('Name:\tnode\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nRssFile:\t   51200 kB\n'),
  ).toEqual({
    residentBytes: 104_857_600,
    residentPeakBytes: 209_715_200,
    residentFileBytes: 52_428_800,
  })
})

test('what the host took is read from the sum of all cores', () => {
  const stat = 'cpu  2921288 34928 1245100 7091269 78048 0 225870 139471 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n'
  expect(parseStolenTicks(stat)).toBe(139_471)
})
