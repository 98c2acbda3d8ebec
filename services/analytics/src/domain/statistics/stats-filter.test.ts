import { expect, test } from 'vitest'
import { judgeFilter } from './stats-filter.ts'

test('a filter is a dimension and a value, which may hold anything but nothing', () => {
  expect(judgeFilter(['country:DE'])).toEqual({
    kind: 'filter',
    filter: { dimension: 'country', value: 'DE' },
  })
  expect(judgeFilter(['utmCampaign:a:b, c'])).toMatchObject({ filter: { value: 'a:b, c' } })
  expect(judgeFilter([])).toEqual({ kind: 'filter', filter: undefined })
})

test.each([
  ['country:de', 'DE'],
  ['device:Mobile', 'mobile'],
  ['language:DE', 'de'],
  ['browser:Chrome', 'Chrome'],
])('%s is asked for as it is stored', (text, value) => {
  expect(judgeFilter([text])).toMatchObject({ kind: 'filter', filter: { value } })
})

test.each([
  [['country:Germany']],
  [['country:d3']],
  [['country:ß']],
  [['device:toaster']],
  [['language:german']],
  [['language:de-AT']],
  [['country']],
  [['country:']],
  [[':DE']],
  [['']],
  [['planet:Mars']],
  [['constructor:x']],
  [['__proto__:x']],
  [['city:\0']],
  [['city:\ud800']],
  [[`city:${'x'.repeat(254)}`]],
  [['country:DE', 'browser:Chrome']],
])('%j is refused', (texts) => expect(judgeFilter(texts)).toMatchObject({ kind: 'invalid' }))
