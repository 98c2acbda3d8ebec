import { describe, expect, test } from 'vitest'
import type { DayReport } from './day-report.ts'
import { htmlOf } from './html.ts'
import { markdownOf } from './markdown.ts'

const hostile = '<script>alert(1)</script> | "x"'
const report: DayReport = {
  day: '2026-11-20',
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
  isOver: true,
  madeAt: '2026-11-21T08:00:00.000Z',
  coverage: 0.5,
  services: [
    {
      service: 'redirect',
      objectiveId: 'redirect-requests-1d',
      title: 'Redirect answers within 200 ms, each day',
      target: 0.999,
      thresholdMs: 200,
      requests: 1_234_567,
      good: 1_233_000,
      bad: 1_567,
      availability: 1_233_000 / 1_234_567,
      allowedBad: 1234.567,
      budgetSpent: 1.27,
      latencyMs: { p50: 1.234, p90: 4, p99: 12.6, p999: null },
      badBy: [
        { instance: hostile, route: '/:code', method: 'GET', code: '503', kind: 'error', count: 1_567 },
      ],
      episodes: [
        {
          from: '2026-11-20T10:00:00.000Z',
          to: '2026-11-20T10:10:00.000Z',
          bad: 1_567,
          requests: 9_000,
          budgetShare: 1.27,
          mostly: null,
        },
      ],
    },
  ],
  sampled: [{ objectiveId: 'a', title: 'Clicks counted within 5 s', target: 0.99, goodShare: null }],
  alerts: [],
  verdict: {
    agreement: 'public-links',
    description: 'A promise.',
    promised: 0.995,
    outcome: 'missed',
    availability: 0.9987,
    creditPercent: 10,
  },
}

describe('Markdown', () => {
  const text = markdownOf(report)

  test('says how many, how good, when, by what, and what is owed', () => {
    expect(text).toContain('| redirect | 1,234,567 | 1,233,000 | 1,567 | 99.873 % | 99.900 % | 127.0 % |')
    expect(text).toContain('The promise was missed. Owed for this day: 10 % of its fee.')
    expect(text).toContain('| 10:00 | 10:10 | 1,567 | 9,000 | 127.0 % |')
    expect(text).toContain('50.000 % of the minutes')
  })

  test('a number that nobody knows is no number', () => {
    expect(text).toContain('99.9 % within no data ms')
    expect(text).toContain('| Clicks counted within 5 s | 99.000 % | no data |')
  })

  test('a name cannot break out of its cell', () => expect(text).toContain('</script> \\| "x" |'))
})

test('a day without data is not told as a good one', () => {
  const [service] = report.services
  if (service === undefined) throw new Error('no service')
  const nothing = { p50: null, p90: null, p99: null, p999: null }
  const unknown = {
    ...service,
    ...{ requests: null, good: 0, bad: 0, availability: null, allowedBad: 0, budgetSpent: null },
    ...{ latencyMs: nothing, badBy: [], episodes: [] },
  }
  const text = markdownOf({ ...report, coverage: 0, services: [unknown] })
  expect(text).toContain('| redirect | no data | no data | no data | no data | 99.900 % | no data |')
  expect(text).toContain('There is no data: nobody knows what was asked, or how it was answered.')
  expect(text).toContain('There is no data: nobody knows whether any fired.')
  expect(text).not.toMatch(/No request was bad|None fired|Half of its requests/)
})

test.each([
  [1, 'None fired.'],
  [0.5, 'None fired in the minutes that are known.'],
])('that no alert fired is said of the minutes that are known: of a share of %s', (coverage, sentence) => {
  expect(markdownOf({ ...report, coverage })).toContain(sentence)
})

test('a service that nobody asked anything is told so', () => {
  const [service] = report.services
  if (service === undefined) throw new Error('no service')
  const idle = { ...service, requests: 0, good: 0, bad: 0, availability: null, budgetSpent: null }
  expect(markdownOf({ ...report, services: [idle] })).toContain('Nothing was asked.')
})

test('HTML stands alone and has nothing of a name but its text', () => {
  const page = htmlOf(report)
  expect(page).toContain('<td>&lt;script&gt;alert(1)&lt;/script&gt; | &quot;x&quot;</td>')
  expect(page).not.toContain('<script')
  expect(page).not.toMatch(/(src|href)=/)
})

test('availability is never rounded up to a promise that was missed', () => {
  const [service] = report.services
  if (service === undefined) throw new Error('no service')
  const almost = markdownOf({ ...report, services: [{ ...service, availability: 0.9989999 }] })
  expect(almost).toContain('| 99.899 % | 99.900 % |')
})
