import { expect, test } from 'vitest'
import { parseWrkOutput } from './wrk.ts'

const table = `Running 3s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
Requests/sec:  46812.10
`

test("the script's line is what counts", () => {
  expect(parseWrkOutput(`${table}linkfleet-bench 140436 3000000 36 1250 4500\n`)).toEqual({
    answered: 140_400,
    failed: 36,
    seconds: 3,
    p50Ms: 1.25,
    p99Ms: 4.5,
  })
})

test('a run that ended without that line is no measurement', () => {
  expect(() => parseWrkOutput('unable to connect to 127.0.0.1:1 Connection refused')).toThrow(
    'Connection refused',
  )
})
