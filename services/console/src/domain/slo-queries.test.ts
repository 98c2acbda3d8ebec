import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  instantQueries,
  objective,
  outsideRoutes,
  rangeQueries,
  rangeShapes,
  thresholdSeconds,
} from './slo-queries.ts'
import { sloRanges } from './views.ts'

const sloFolder = join(import.meta.dirname, '../../../../deploy/slo')
const rules = readFileSync(join(sloFolder, '../prometheus/rules/durations.yml'), 'utf8')
const declared = readdirSync(sloFolder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(join(sloFolder, name), 'utf8'))
  .join('\n')

describe('what the page calls good is what the objectives call good', () => {
  test('routes outside the objective are those that deploy/slo leaves out', () => {
    const left = [...declared.matchAll(/http_request_duration_seconds_bucket\{.*route!~"([^"]+)"/g)].map(
      ([, routes]) => routes,
    )
    expect(left.length).toBeGreaterThan(0)
    expect(outsideRoutes).toBe(left.join('|'))
  })

  test('the bound and the target are those of deploy/slo', () => {
    expect(declared).toContain(`le="${thresholdSeconds}"`)
    expect(declared).toContain(`target: ${objective}`)
  })
})

test('what the charts ask for is recorded, without the routes outside the objective', () => {
  const { p50, good } = rangeQueries('1h')
  const names = [p50, good].map((query) => /avg_over_time\(([\w:]+)/.exec(query)?.[1] ?? 'none')
  for (const name of names) expect(rules).toContain(`record: ${name}\n`)
  expect(rules.split(`route!~"${outsideRoutes}"`)).toHaveLength(3)
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
