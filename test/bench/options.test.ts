import { expect, test } from 'vitest'
import { BenchUsageError, readBenchOptions } from './options.ts'

test('a bench alone has the defaults', () => {
  expect(readBenchOptions(['redirect'])).toEqual({
    bench: 'redirect',
    seconds: 10,
    links: undefined,
    connections: 64,
    ratePerSecond: undefined,
    part: undefined,
    json: false,
    profileDir: undefined,
  })
})

test('numbers may be written with an exponent', () => {
  expect(readBenchOptions(['shortener', '--links', '1e7', '--seconds', '3'])).toMatchObject({
    links: 10_000_000,
    seconds: 3,
  })
})

test.each([
  [[], 'Name one bench'],
  [['nothing'], 'Name one bench'],
  [['ids', 'redirect'], 'Name one bench'],
  [['ids', '--seconds', '0'], '--seconds'],
  [['ids', '--seconds', '1.5'], '--seconds'],
  [['ids', '--links', '1e12'], '--links'],
  [['ids', '--fast'], '--fast'],
])('%j is refused', (args, part) => {
  expect(() => readBenchOptions(args)).toThrow(BenchUsageError)
  expect(() => readBenchOptions(args)).toThrow(part)
})
