import { describe, expect, it } from 'vitest'
import { prefersPlainText, versionsOf } from './conditions.ts'

describe('If-Match', () => {
  it.each([
    [undefined, null],
    ['*', null],
    ['"42"', [42]],
    [' "42" ', [42]],
    ['"1", "1366"', [1, 1366]],
    ['"1","2",, "3"', [1, 2, 3]],
  ])('%j names the versions %j', (header, version) => {
    expect(versionsOf(header)).toEqual(version)
  })

  it.each(['42', 'W/"42"', '"42", "x"', '"42" "43"', ', ,', '"42", *', '"x"', '', '"1e3"'])(
    '%j is refused',
    (header) => {
      expect(() => versionsOf(header)).toThrow(expect.objectContaining({ field: 'if-match' }))
    },
  )
})

describe('Accept', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['text/plain', true],
    ['text/*', true],
    ['text/plain, */*;q=0.5', true],
    ['text/plain;q=0.5, application/json', false],
    ['text/plain;q=0.9, application/json;q=0.8', true],
    ['text/plain, application/json', false],
    ['text/plain;q=0', false],
    ['text/html, */*;q=0.1', false],
  ])('%j asks for plain text: %j', (header, expected) => {
    expect(prefersPlainText(header)).toBe(expected)
  })
})
