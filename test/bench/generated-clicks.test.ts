import { expect, test } from 'vitest'
import { createDrawClick } from './generated-clicks.ts'

const codes = Array.from({ length: 100 }, (_, index) => `code${index}`)

test('the same seed draws the same clicks', () => {
  const options = { codes, dimensions: 'all', seed: 3 } as const
  const one = createDrawClick(options)
  const other = createDrawClick(options)
  for (let index = 0; index < 1_000; index++) expect(one()).toEqual(other())
})

test('few links get most clicks, and every dimension varies', () => {
  const draw = createDrawClick({ codes, dimensions: 'all', seed: 4 })
  const clicks = Array.from({ length: 5_000 }, draw)
  const hottest = clicks.filter(({ code }) => code === 'code0').length
  expect(hottest).toBeGreaterThan(700)
  for (const field of ['country', 'referrerHost', 'userAgent', 'language'] as const) {
    expect(new Set(clicks.map((click) => click[field])).size).toBeGreaterThan(10)
  }
  expect(clicks.every(({ visitor }) => visitor?.length === 16)).toBe(true)
})

test('without dimensions there is the code alone', () => {
  const click = createDrawClick({ codes, dimensions: 'none', seed: 5 })()
  expect(click).toMatchObject({
    visitor: undefined,
    country: '',
    referrerHost: '',
    userAgent: '',
    language: '',
  })
  expect(codes).toContain(click.code)
})
