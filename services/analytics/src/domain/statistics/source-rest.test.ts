import { expect, test } from 'vitest'
import { createSourceRest } from './source-rest.ts'

test('what failed is left alone, then tried by one caller at a time', () => {
  const rest = createSourceRest<string>(5_000)
  expect(rest.mayAsk('replica', 0)).toBe(true)
  expect(rest.mayAsk('replica', 0)).toBe(true)
  rest.failed('replica', 100)
  expect(rest.mayAsk('replica', 5_099)).toBe(false)
  expect(rest.mayAsk('other', 5_099)).toBe(true)
  expect(rest.mayAsk('replica', 5_100)).toBe(true)
  expect(rest.mayAsk('replica', 5_100)).toBe(false)
  expect(rest.mayAsk('replica', 60_000)).toBe(false)
})

test('a try that fails begins another rest, one that succeeds ends it for all', () => {
  const rest = createSourceRest<string>(5_000)
  rest.failed('replica', 0)
  expect(rest.mayAsk('replica', 5_000)).toBe(true)
  rest.failed('replica', 6_000)
  expect(rest.mayAsk('replica', 10_999)).toBe(false)
  expect(rest.mayAsk('replica', 11_000)).toBe(true)
  rest.succeeded('replica')
  expect(rest.mayAsk('replica', 11_000)).toBe(true)
  expect(rest.mayAsk('replica', 11_000)).toBe(true)
})
