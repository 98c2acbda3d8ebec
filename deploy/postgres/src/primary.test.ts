import { expect, test } from 'vitest'
import { urlPerHost } from './primary.ts'

test('a URL with one host is itself', () => {
  expect(urlPerHost('postgres://u:p@h:1/db?sslmode=require')).toEqual([
    'postgres://u:p@h:1/db?sslmode=require',
  ])
})

test('a URL with several hosts becomes one URL for each', () => {
  expect(urlPerHost('postgres://u:p@h1:1,h2:2/db')).toEqual([
    'postgres://u:p@h1:1/db',
    'postgres://u:p@h2:2/db',
  ])
})

test('a text that is no URL is refused without showing it', () => {
  expect(() => urlPerHost('secret')).toThrow(/DATABASE_URL is not of the form/)
  expect(() => urlPerHost('secret')).not.toThrow(/secret/)
})
