/** A day's report against a real Prometheus that holds a day whose every request is known. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startEngines } from '@linkfleet/local/engines'
import { findPrometheus } from '@linkfleet/local/programs/prometheus'
import { agreement, slos } from '@linkfleet/slo/generated/objectives'
import { openPrometheus } from '@linkfleet/slo/prometheus'
import { type Day, readDay } from '@linkfleet/slo/report/day'
import type { DayReport } from '@linkfleet/slo/report/day-report'
import { readDayReport } from '@linkfleet/slo/report/read-day-report'
import { describe, expect, test } from 'vitest'
import { seededDay } from './src/testing/seeded-day.ts'

const found = await findPrometheus({ progress: () => {} })
const why = 'missing' in found ? `: ${found.missing}` : found.promtool === undefined ? ': no promtool' : ''

/** Reads yesterday from a Prometheus that was given it. */
async function reportOfSeededDay(): Promise<{ report: DayReport; dayBefore: DayReport }> {
  if ('missing' in found || found.promtool === undefined) throw new Error('there is no Prometheus')
  const home = await mkdtemp(join(tmpdir(), 'linkfleet-report-'))
  const nowSeconds = Date.now() / 1000
  const yesterday = new Date((nowSeconds - 86_400) * 1000).toISOString().slice(0, 10)
  const answer = readDay(yesterday, nowSeconds)
  if (answer.kind === 'invalid') throw new Error(answer.detail)
  try {
    const data = join(home, 'prometheus', 'data')
    await mkdir(data, { recursive: true })
    await writeFile(join(home, 'day.om'), seededDay(answer.day.startSeconds))
    const blocks = ['tsdb', 'create-blocks-from', 'openmetrics', join(home, 'day.om'), data]
    await promisify(execFile)(found.promtool, blocks, { timeout: 50_000 })
    await using engines = await startEngines({ home, ports: 'free', which: ['prometheus'], env: {} })
    const monitoring = openPrometheus(engines.prometheusUrl ?? '', 30_000)
    const report = (day: Day) => readDayReport(monitoring, { slos, agreement }, day, nowSeconds)
    const { startSeconds } = answer.day
    const dayBefore = { ...answer.day, startSeconds: startSeconds - 86_400, endSeconds: startSeconds - 600 }
    return { report: await report(answer.day), dayBefore: await report(dayBefore) }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

describe.skipIf(why !== '')(`a day that a real Prometheus holds${why}`, () => {
  test('its report says how many were bad, when, by what, what fired and what is owed; the day before has no data', async () => {
    const { report, dayBefore } = await reportOfSeededDay()
    const redirect = report.services.find(({ service }) => service === 'redirect')
    if (redirect === undefined) throw new Error('the report has no redirect')
    const near = (actual: number | null, expected: number) => {
      expect(Math.abs((actual ?? 0) - expected) / expected).toBeLessThan(0.01)
    }
    near(redirect.requests, 1_440_000 + 6_000 + 3_000)
    near(redirect.bad, 9_000)
    near(redirect.budgetSpent, 9_000 / 1_449)
    expect(redirect.badBy).toHaveLength(2)
    expect(redirect.badBy[0]).toMatchObject({ code: '503', kind: 'error', instance: 'redirect-2' })
    expect(redirect.badBy[1]).toMatchObject({ code: '302', kind: 'slow', instance: 'redirect-1' })
    expect(redirect.episodes.map(({ from, to }) => [from.slice(11, 16), to.slice(11, 16)])).toEqual([
      ['10:00', '10:10'],
      ['15:00', '15:05'],
    ])
    expect(redirect.latencyMs.p50).toBeLessThan(redirect.thresholdMs)
    expect(report.services.find(({ service }) => service === 'shortener')).toMatchObject({ requests: null })
    expect(dayBefore).toMatchObject({ coverage: 0, alerts: [], verdict: { outcome: 'not judged' } })
    expect(dayBefore.services.map(({ requests }) => requests)).toEqual([null, null])
    expect(dayBefore.sampled.map(({ goodShare }) => goodShare)).toEqual([null, null])
    expect(report.coverage).toBeGreaterThan(0.99)
    expect(report.verdict).toMatchObject({ outcome: 'missed', creditPercent: 10 })
    expect(report.sampled.find(({ objectiveId }) => objectiveId.includes('freshness'))?.goodShare).toBe(1)
    // One sample of two a minute, between two whole minutes: neither a coarser look nor one at each minute sees it.
    const supply = report.sampled.find(({ objectiveId }) => objectiveId.includes('supply'))
    expect(supply?.goodShare).toBeCloseTo(1 - 1 / 2_880, 6)
    expect(report.alerts.map(({ name, from, to }) => [name, from.slice(11, 16), to.slice(11, 16)])).toEqual([
      ['ProbeFailing', '16:00', '16:01'],
    ])
  })
})
