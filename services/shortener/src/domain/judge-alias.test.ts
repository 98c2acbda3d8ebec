import { reservedWords } from '@linkfleet/contracts/reserved-words'
import { describe, expect, it } from 'vitest'
import { isPossibleCode, refuseAlias } from './judge-alias.ts'

describe('judging an alias', () => {
  it.each(['abc', 'Summer-Sale_2030', '---', '123', 'a'.repeat(64)])('%s may be used', (alias) => {
    expect(refuseAlias(alias)).toBeUndefined()
  })

  it.each([
    '',
    'ab',
    'a'.repeat(65),
    'a/b',
    'a b c',
    'abc+',
    'abc.',
    '../..',
    'größe',
    'abc\n',
    'ａｂｃ',
    '%61bc',
    'API',
    'robots.txt',
  ])('%j may not be used', (alias) => {
    expect(refuseAlias(alias)).toEqual(expect.any(String))
  })

  it('refuses every reserved word, however it is written', () => {
    for (const word of reservedWords) {
      expect(refuseAlias(word)).toBeDefined()
      expect(refuseAlias(word.toUpperCase())).toBeDefined()
    }
  })

  it('knows what cannot be a code', () => {
    expect(isPossibleCode('aB3dE5g')).toBe(true)
    expect(isPossibleCode('')).toBe(false)
    expect(isPossibleCode('a\u0000b')).toBe(false)
    expect(isPossibleCode('a'.repeat(65))).toBe(false)
  })
})
