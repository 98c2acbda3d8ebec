import fc from 'fast-check'
import { expect, test } from 'vitest'
import { forwardedUrlCharactersMax, forwardQuery } from './forward-query.ts'

test.each([
  ['no query', 'https://t.example/p', '/abc', 'https://t.example/p'],
  ['an empty query', 'https://t.example/p?a=1', '/abc?', 'https://t.example/p?a=1'],
  ['a target without a query', 'https://t.example/p', '/abc?x=1&y=2', 'https://t.example/p?x=1&y=2'],
  ['a target with one', 'https://t.example/p?a=1', '/abc?x=1', 'https://t.example/p?a=1&x=1'],
  ['the same name: the request wins', 'https://t.example/?a=1&b=2', '/abc?a=3', 'https://t.example/?b=2&a=3'],
  [
    'each of the same name goes',
    'https://t.example/?a=1&a=2&b=3',
    '/abc?a=4&a=5',
    'https://t.example/?b=3&a=4&a=5',
  ],
  ['one name in two spellings', 'https://t.example/?a%20b=1', '/abc?a+b=2', 'https://t.example/?a+b=2'],
  ['a fragment stays the last', 'https://t.example/p#top', '/abc?x=1', 'https://t.example/p?x=1#top'],
  ['query and fragment', 'https://t.example/p?a=1#x?y', '/abc?x=1', 'https://t.example/p?a=1&x=1#x?y'],
  [
    'encoding stays as it was written',
    'https://t.example/?q=a%2fb',
    '/abc?x=%c3%A4+%20',
    'https://t.example/?q=a%2fb&x=%c3%A4+%20',
  ],
  ['what is not ASCII', 'https://t.example/', '/abc?x=\u00e4"<', 'https://t.example/?x=%E4%22%3C'],
  ['a parameter without a value', 'https://t.example/?a', '/abc?b', 'https://t.example/?a&b'],
  ['a fragment of the request is nobody’s', 'https://t.example/', '/abc?x=1#y', 'https://t.example/?x=1'],
  ['a broken escape', 'https://t.example/', '/abc?x=%zz', 'https://t.example/?x=%zz'],
])('%s', (_name, targetUrl, requestUrl, forwarded) => {
  expect(forwardQuery(targetUrl, requestUrl)).toBe(forwarded)
})

test('a target and a query of 2,048 characters each are joined; what no server would take is not', () => {
  const targetUrl = `https://t.example/?a=${'x'.repeat(2_027)}`
  expect(forwardQuery(targetUrl, `/abc?b=${'y'.repeat(2_046)}`)).toHaveLength(2_048 + 2_048 + 1)
  expect(forwardQuery(targetUrl, `/abc?b=${'y'.repeat(forwardedUrlCharactersMax)}`)).toBeUndefined()
})

test('parameters without an end are refused before anybody reads their names', () => {
  expect(forwardQuery('https://t.example/', `/abc?${'a&'.repeat(7_500)}`)).toBeUndefined()
  expect(forwardQuery('https://t.example/', `/abc?${'&'.repeat(15_000)}a=1`)).toBe('https://t.example/?a=1')
})

test('whatever the query: origin, path and fragment stay, and the query reads as the merged parameters', () => {
  const text = fc.oneof(
    fc.constantFrom('a', 'b', 'utm_source', ''),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  const pairs = fc.array(fc.tuple(text, text), { maxLength: 6 })
  const pathPart = fc.constantFrom('', '/', '/a/b', '/a%20b/', '/%3F')
  fc.assert(
    fc.property(
      pairs,
      pairs,
      pathPart,
      fc.constantFrom('', 'top', 'a?b=c&d', '!/route'),
      (ofTarget, ofRequest, path, fragment) => {
        const target = new URL(`https://t.example${path}`)
        target.search = new URLSearchParams(ofTarget).toString()
        target.hash = fragment
        const forwarded = forwardQuery(target.href, `/abc?${new URLSearchParams(ofRequest)}`)
        const read = new URL(forwarded ?? '')
        expect(read.origin + read.pathname + read.hash).toBe(target.origin + target.pathname + target.hash)
        const kept = ofTarget.filter(([name]) => !ofRequest.some(([other]) => other === name))
        expect([...read.searchParams]).toEqual([...kept, ...ofRequest])
      },
    ),
  )
})

test('whatever bytes a request line holds, the result fits into a header and stays in its place', () => {
  const latin1 = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
  })
  fc.assert(
    fc.property(latin1, (query) => {
      const forwarded = forwardQuery('https://t.example/p?a=1#f', `/abc?${query}`) ?? ''
      expect(forwarded).toMatch(/^[\x21-\x7e]+$/)
      const read = new URL(forwarded)
      expect([read.host, read.pathname, read.hash]).toEqual(['t.example', '/p', '#f'])
    }),
  )
})
