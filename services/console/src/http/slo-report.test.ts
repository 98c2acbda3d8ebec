import { describe, expect, test } from 'vitest'
import type { Monitoring } from '../ports.ts'
import { cookie, openConsole } from '../testing/fixture.ts'

const dayMs = 86_400_000
const url = '/api/console/slo/report'

/** Every count is a thousand, and nothing was bad. */
const quietDay: Monitoring = {
  instant: async (query) => (query.includes('> 0.5') ? [] : [{ labels: {}, value: 1000 }]),
  range: async () => [],
}

async function openOnSecondDay(monitoring?: Monitoring) {
  const console = await openConsole(monitoring === undefined ? {} : { monitoring })
  console.passMs(dayMs * 1.5)
  return console
}

test('is for people with a session', async () => {
  await using console = await openOnSecondDay(quietDay)
  expect((await console.server.inject({ url })).statusCode).toBe(401)
  expect((await console.server.inject({ url, headers: { cookie } })).statusCode).toBe(200)
})

test('the page gets what a person reads and the numbers behind it', async () => {
  await using console = await openOnSecondDay(quietDay)
  const answer = await console.server.inject({ url: `${url}?day=1970-01-01`, headers: { cookie } })
  expect(answer.json()).toMatchObject({
    report: { day: '1970-01-01', isOver: true, verdict: { outcome: 'kept', creditPercent: 0 } },
    text: { title: 'Service levels of 1970-01-01 (UTC)' },
  })
})

test.each([
  ['markdown', 'text/markdown', 'md', '# Service levels of 1970-01-01'],
  ['html', 'text/html', 'html', '<!doctype html>'],
  ['json', 'application/json', 'json', '{"day":"1970-01-01"'],
])('as %s it is a file to keep', async (format, type, extension, begin) => {
  await using console = await openOnSecondDay(quietDay)
  const answer = await console.server.inject({
    url: `${url}?day=1970-01-01&format=${format}`,
    headers: { cookie },
  })
  expect(answer.headers['content-type']).toContain(type)
  expect(answer.headers['content-disposition']).toBe(
    `attachment; filename="linkfleet-slo-1970-01-01.${extension}"`,
  )
  expect(answer.body.startsWith(begin)).toBe(true)
})

describe('is refused', () => {
  test.each(['yesterday', '1970-02-30', '1970-01-03'])('for the day %j, which is named', async (day) => {
    await using console = await openOnSecondDay(quietDay)
    const answer = await console.server.inject({ url: `${url}?day=${day}`, headers: { cookie } })
    expect([answer.statusCode, answer.json().field]).toEqual([400, 'day'])
  })

  test('without Prometheus, with a sentence', async () => {
    await using console = await openOnSecondDay()
    const answer = await console.server.inject({ url, headers: { cookie } })
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable'])
    expect(answer.json().detail).toContain('Prometheus')
  })
})
