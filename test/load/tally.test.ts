import { describe, expect, test } from 'vitest'
import { agrees, clicksLine, countOf, lastCounts, requestsLine, servedBetween, tallyText } from './tally.ts'

const page = (requests: number, started = 100) => `# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_count{service="redirect",route="/:code",method="GET",code="302"} ${requests}
http_request_duration_seconds_count{service="redirect",route="/.well-known/linkfleet-probe",method="GET",code="200"} 77
http_request_duration_seconds_count{service="redirect",route="/:code",method="GET",code="404"} 3
process_start_time_seconds ${started}
`
const count = (requests: number, started = 100) => countOf('redirect-1', 'redirect', page(requests, started))

test('requests of all routes count, but for those of the prober', () => {
  expect(count(10)).toEqual({
    instance: 'redirect-1',
    service: 'redirect',
    startedSeconds: 100,
    requests: 13,
  })
})

describe('between two looks', () => {
  test('one process served the difference', () => {
    expect(servedBetween(count(10), count(25), [])).toBe(15)
  })

  test('processes that ended cleanly are in the sum', () => {
    const log = [
      '{"level":30,"time":"2026-11-21T10:00:00.000Z","msg":"draining"}',
      `{"time":"2026-11-21T10:00:01.000Z","msg":"final counters","counters":{"http_request_duration_seconds_count{service=\\"redirect\\",route=\\"/:code\\",method=\\"GET\\",code=\\"302\\"}":40}}`,
      'a line that is no JSON',
    ].join('\n')
    const ended = lastCounts(log)
    expect(ended).toEqual([{ endedAtMs: Date.parse('2026-11-21T10:00:01.000Z'), requests: 40 }])
    expect(servedBetween(count(10), count(5, 200), ended)).toBe(40 - 13 + 8)
  })

  test('nothing is claimed of one that was killed', () => {
    expect(servedBetween(count(10), count(5, 200), [])).toBeNull()
  })
})

describe('tallies', () => {
  const requests = (fleet: number | null, unanswered = 0) =>
    requestsLine('redirect', { requests: 100, unanswered }, fleet)
  const clicks = (fleet: number, unanswered = 0) => clicksLine(90, unanswered, fleet)

  test('agree only when they are equal, but for requests without an answer', () => {
    expect(agrees(requests(100))).toBe(true)
    expect(agrees(requests(99))).toBe(false)
    expect(agrees(requests(101, 5))).toBe(false)
    expect(agrees(requests(95, 5))).toBe(true)
    expect(agrees(requests(94, 5))).toBe(false)
    expect(agrees(requests(null))).toBe(false)
  })

  test('of clicks may be higher by redirects whose answer was lost, never lower', () => {
    expect(agrees(clicks(90))).toBe(true)
    expect(agrees(clicks(91))).toBe(false)
    expect(agrees(clicks(92, 2))).toBe(true)
    expect(agrees(clicks(89, 2))).toBe(false)
  })

  test('are shown side by side', () => {
    expect(tallyText([requests(100)])).toMatch(/redirect +k6 +100 +fleet +100 +equal/)
    expect(tallyText([requests(98, 3)])).toContain('agrees: 3 had no answer')
    expect(tallyText([requests(90)])).toContain('NOT EQUAL')
    expect(tallyText([requests(null)])).toContain('unknown: a process was killed')
  })
})
