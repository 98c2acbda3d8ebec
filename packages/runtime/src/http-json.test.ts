import { describe, expect, it } from 'vitest'
import { hasMoreValuesThan } from './http-json.ts'

/** The least bound that a text is within. */
function valuesIn(text: string): number {
  let values = 1
  while (hasMoreValuesThan(text, values)) values++
  return values
}

describe('the number of values in a body', () => {
  it.each([
    ['1', 1],
    ['[]', 2],
    ['[1,2]', 3],
    ['{"a":1,"b":[1,2]}', 5],
    ['{},{},{}', 6],
  ])('%s holds no more than %d', (text, values) => {
    expect(valuesIn(text)).toBe(values)
  })

  it('does not grow by what stands in strings', () => {
    const text = JSON.stringify({ url: 'https://example.com/?a={,[,"\\",,', title: '\\' })
    expect(valuesIn(text)).toBe(3)
  })

  it('is told at once where it is too high, however long the body', () => {
    expect(hasMoreValuesThan('[],'.repeat(1_000_000), 10)).toBe(true)
  })
})
