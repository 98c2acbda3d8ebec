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

test('the day is never shorter than a few scrapes', () => {
  expect(instantQueries(3).total).toContain('[60s]')
  expect(instantQueries(7_200.9).total).toContain('[7200s]')
})

test.each(sloRanges)('in a range of %s no request falls between two points', (range) => {
  const { stepSeconds, rateWindowSeconds, seconds } = rangeShapes[range]
  expect(rateWindowSeconds).toBeGreaterThanOrEqual(stepSeconds)
  expect(seconds / stepSeconds).toBeLessThanOrEqual(400)
  expect(rangeQueries(range).total).toContain(`[${rateWindowSeconds}s]`)
})
