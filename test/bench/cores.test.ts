import { expect, test } from 'vitest'
import { parseCoreList } from './cores.ts'

test.each([
  ['0-1', [0, 1]],
  ['3', [3]],
  ['0-2,5,8-9\n', [0, 1, 2, 5, 8, 9]],
  ['', []],
])('%j are cores %j', (list, cores) => {
  expect(parseCoreList(list)).toEqual(cores)
})
