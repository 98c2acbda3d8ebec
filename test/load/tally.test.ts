import { describe, expect, test } from 'vitest'
import { agrees, countOf, lastCounts, servedBetween, tallyText } from './tally.ts'

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
  const line = { what: 'redirect', generator: 100, fleet: 100, tolerance: 0 }

  test('agree only when they are equal, but for requests without an answer', () => {
    expect(agrees(line)).toBe(true)
    expect(agrees({ ...line, fleet: 99 })).toBe(false)
    expect(agrees({ ...line, fleet: 101, tolerance: 5 })).toBe(false)
    expect(agrees({ ...line, fleet: 96, tolerance: 5 })).toBe(true)
    expect(agrees({ ...line, fleet: null })).toBe(false)
  })

  test('are shown side by side', () => {
    expect(tallyText([line])).toMatch(/redirect +k6 +100 +fleet +100 +equal/)
    expect(tallyText([{ ...line, fleet: 90 }])).toContain('NOT EQUAL')
  })
})
