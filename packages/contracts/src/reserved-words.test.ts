import { expect, test } from 'vitest'
import { isReservedWord, reservedWords } from './reserved-words.ts'

test('reserved words are reserved in any case', () => {
  expect(['api', 'API', 'Robots.txt', 'metrics'].map(isReservedWord)).toEqual([true, true, true, true])
  expect(['apis', 'a', 'my-link'].map(isReservedWord)).toEqual([false, false, false])
})

test('every reserved word is written in lower case, since that is how it is looked up', () => {
  for (const word of reservedWords) expect(word).toBe(word.toLowerCase())
})
