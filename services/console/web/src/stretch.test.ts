import { expect, test } from 'vitest'
import { intervalMs, stretchOf, zoomedStretch } from './stretch.ts'

const nowMs = Date.UTC(2026, 5, 15, 12, 34, 56)

test('the last intervals end with the running one', () => {
  expect(stretchOf('hour', nowMs)).toEqual({
    fromMs: Date.UTC(2026, 5, 15, 11, 35),
    toMs: Date.UTC(2026, 5, 15, 12, 35),
    interval: 'minute',
  })
  expect(stretchOf('day', nowMs)).toMatchObject({ toMs: Date.UTC(2026, 5, 15, 13), interval: 'hour' })
  const month = stretchOf('month', nowMs)
  expect(new Date(month.fromMs).getHours()).toBe(0)
  expect(Math.round((nowMs - month.fromMs) / intervalMs.day)).toBeGreaterThanOrEqual(29)
})

test.each([
  ['hours', 2 * intervalMs.hour, 'minute'],
  ['days', 5 * intervalMs.day, 'hour'],
  ['months', 90 * intervalMs.day, 'day'],
])('a zoom of %s is as fine as can be seen', (_name, widthMs, interval) => {
  const zoom = zoomedStretch({ fromMs: nowMs - widthMs, toMs: nowMs }, nowMs)
  expect(zoom.interval).toBe(interval)
  expect(zoom.fromMs % intervalMs[zoom.interval]).toBe(0)
  expect(zoom.fromMs).toBeLessThanOrEqual(nowMs - widthMs)
  expect(zoom.toMs).toBeGreaterThanOrEqual(nowMs)
})

test('what is no longer kept by minute is asked for by hour or by day', () => {
  const zoomed = (daysAgo: number) => {
    const toMs = nowMs - daysAgo * intervalMs.day
    return zoomedStretch({ fromMs: toMs - intervalMs.hour, toMs }, nowMs).interval
  }
  expect([1, 40, 500].map(zoomed)).toEqual(['minute', 'hour', 'day'])
})

test('a zoom has some width', () => {
  const { fromMs, toMs } = zoomedStretch({ fromMs: nowMs, toMs: nowMs }, nowMs)
  expect(toMs - fromMs).toBeGreaterThanOrEqual(5 * intervalMs.minute)
})
