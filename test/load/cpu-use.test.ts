import { expect, test } from 'vitest'
import { cpuUseText } from './cpu-use.ts'

const use = { wallSeconds: 10, cores: 2, busySeconds: 15, parts: new Map([['redirect', 4]]) }

test('who used the CPUs is shown as seconds and as a share of all cores', () => {
  expect(cpuUseText(use, 5)).toBe(
    [
      'CPU during 10 s on 2 cores',
      '  k6                  5.0 s   25.0 %',
      '  redirect            4.0 s   20.0 %',
      '  others              6.0 s   30.0 %',
      '  all                15.0 s   75.0 %',
      '',
    ].join('\n'),
  )
})

test('where processes cannot be told apart only the sum is shown', () => {
  expect(cpuUseText({ ...use, parts: new Map() }, undefined).split('\n')).toHaveLength(3)
})
