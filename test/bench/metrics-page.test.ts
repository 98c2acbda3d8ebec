import { expect, test } from 'vitest'
import { sumOf } from './metrics-page.ts'

const page = `# HELP clicks_total Clicks.
# TYPE clicks_total counter
clicks_total{kind="click"} 41
clicks_total{kind="orphan",reason="a, b"} 2
clicks_total_other{kind="click"} 1000
spool_bytes 1.5e6
`

test('a metric is summed over the series that have the labels', () => {
  expect(sumOf(page, 'clicks_total')).toBe(43)
  expect(sumOf(page, 'clicks_total', { kind: 'click' })).toBe(41)
  expect(sumOf(page, 'clicks_total', { reason: 'a, b' })).toBe(2)
  expect(sumOf(page, 'spool_bytes')).toBe(1_500_000)
  expect(sumOf(page, 'missing')).toBe(0)
})
