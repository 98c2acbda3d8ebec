import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { slos } from '@linkfleet/slo/generated/objectives'
import { expect, test } from 'vitest'
import {
  countedServices,
  instantQueries,
  objective,
  outsideRoutes,
  rangeQueries,
  rangeShapes,
  thresholdSeconds,
} from './slo-queries.ts'
import { sloRanges } from './views.ts'

const rules = readFileSync(
  join(import.meta.dirname, '../../../../deploy/prometheus/rules/durations.yml'),
  'utf8',
)

test('what the page counts is what the objectives count', () => {
  const { total, good } = instantQueries(3_600)
  for (const { indicator, period } of slos) {
    if (indicator.kind !== 'ratio' || period !== '1d') continue
    expect(total).toContain(`increase(${indicator.total}[3600s])`)
    expect(good).toContain(`increase(${indicator.good}[3600s])`)
  }
  expect(countedServices).toEqual(['redirect', 'shortener'])
  expect([thresholdSeconds, objective]).toEqual([0.2, 0.999])
})

test('what the charts ask for is recorded, without the routes outside the objectives', () => {
  const { p50, good } = rangeQueries('1h')
  const names = [p50, good].map((query) => /avg_over_time\(([\w:]+)/.exec(query)?.[1] ?? 'none')
  for (const name of names) expect(rules).toContain(`record: ${name}\n`)
  for (const service of countedServices) expect(rules.split(outsideRoutes(service))).toHaveLength(3)
})

test('the day is never shorter than a few scrapes', () => {
  expect(instantQueries(3).total).toContain('[60s]')
  expect(instantQueries(7_200.9).total).toContain('[7200s]')
})

test.each(sloRanges)('in a range of %s no request falls between two points', (range) => {
  const { stepSeconds, meanWindowSeconds, seconds } = rangeShapes[range]
  expect(meanWindowSeconds).toBeGreaterThanOrEqual(stepSeconds)
  expect(seconds / stepSeconds).toBeLessThanOrEqual(400)
  expect(rangeQueries(range).total).toContain(`[${meanWindowSeconds}s]`)
})
