import { expect, test } from 'vitest'
import { utmOf } from './utm.ts'

const target = 'https://example.com/page?utm_source=newsletter&utm_campaign=Spring%20Sale#top'

test('the parameters of the followed URL are taken', () => {
  expect(
    utmOf(
      '/abc?utm_source=a&utm_medium=b&utm_campaign=c+d&utm_term=e%20f&utm_content=g&x=1',
      'https://example.com/',
    ),
  ).toEqual({ source: 'a', medium: 'b', campaign: 'c d', term: 'e f', content: 'g' })
})

test('the target tells where the followed URL does not', () => {
  const expected = { source: 'newsletter', medium: '', campaign: 'Spring Sale', term: '', content: '' }
  expect(utmOf('/abc', target)).toEqual(expected)
  expect(utmOf('/abc?utm_source=', target)).toEqual(expected)
  expect(utmOf('/abc?utm_source=other', target)).toMatchObject({ source: 'other', campaign: '' })
})

test.each([
  ['/abc', 'https://example.com/'],
  ['/utm_source=a', 'https://example.com/utm_source=b'],
  ['/abc?xutm_source=a', 'https://example.com/?utm_sourcex=b'],
  ['/abc', 'https://example.com/#?utm_x=utm_source'],
])('%s to %s has none', (request, url) => expect(utmOf(request, url)).toBeUndefined())

test('values are cut, and what stands far behind is not looked for', () => {
  expect(utmOf(`/abc?utm_source=${'x'.repeat(1_000)}`, '')?.source).toBe('x'.repeat(128))
  expect(utmOf(`/abc?${'y'.repeat(3_000)}&utm_source=a`, '')).toBeUndefined()
})

test('what cannot be decoded is taken as it is', () => {
  expect(utmOf('/abc?utm_source=%zz%00', '')?.source).toMatch(/^%zz/)
})
