import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'

const page = `# HELP a_total help
# TYPE a_total counter
a_total{path="/x\\"y\\\\z",code="200"} 3
a_total{code="500",} 1.5e2 1700000000000
b 0.25
c NaN
d +Inf
broken{
other_total 7
`

test('named metrics are read with their labels, values and timestamps; the rest is passed over', () => {
  const found = parseExposition(page, ['a_total', 'b', 'c', 'd', 'absent'])
  expect(found.get('a_total')).toEqual([
    { labels: { path: '/x"y\\z', code: '200' }, value: 3 },
    { labels: { code: '500' }, value: 150 },
  ])
  expect(found.get('b')).toEqual([{ labels: {}, value: 0.25 }])
  expect(found.get('absent')).toEqual([])
  expect(found.has('other_total')).toBe(false)
})

test('what is no number is null, not 0', () => {
  const found = parseExposition(page, ['c', 'd'])
  expect(found.get('c')?.[0]?.value).toBeNull()
  expect(found.get('d')?.[0]?.value).toBeNull()
})
