import { expect, test } from 'vitest'
import { coarserStretch, intervalMs, intervalWords, stretchOf, zoomedStretch } from './stretch.ts'

const nowMs = Date.UTC(2026, 5, 15, 12, 34, 56)

test('the last intervals end with the running one', () => {
  expect(stretchOf('hour', nowMs, 'Europe/Berlin')).toEqual({
    fromMs: Date.UTC(2026, 5, 15, 11, 35),
    toMs: Date.UTC(2026, 5, 15, 12, 35),
    interval: 'minute',
    timezone: 'Europe/Berlin',
  })
  expect(stretchOf('day', nowMs, 'Europe/Berlin')).toMatchObject({
    toMs: Date.UTC(2026, 5, 15, 13),
    interval: 'hour',
  })
  const month = stretchOf('month', nowMs, 'Europe/Berlin')
  expect(new Date(month.fromMs).getHours()).toBe(0)
  expect(Math.round((nowMs - month.fromMs) / intervalMs.day)).toBeGreaterThanOrEqual(29)
})

test.each([
  ['hours', 2 * intervalMs.hour, 'minute'],
  ['days', 5 * intervalMs.day, 'hour'],
  ['months', 90 * intervalMs.day, 'day'],
])('a zoom of %s is as fine as can be seen', (_name, widthMs, interval) => {
  const zoom = zoomedStretch({ fromMs: nowMs - widthMs, toMs: nowMs }, nowMs, 'UTC')
  expect(zoom.interval).toBe(interval)
  expect(zoom.fromMs % intervalMs[zoom.interval]).toBe(0)
  expect(zoom.fromMs).toBeLessThanOrEqual(nowMs - widthMs)
  expect(zoom.toMs).toBeGreaterThanOrEqual(nowMs)
})

test('what is no longer kept by minute is asked for by hour or by day', () => {
  const zoomed = (daysAgo: number) => {
    const toMs = nowMs - daysAgo * intervalMs.day
    return zoomedStretch({ fromMs: toMs - intervalMs.hour, toMs }, nowMs, 'UTC').interval
  }
  expect([1, 40, 500].map(zoomed)).toEqual(['minute', 'hour', 'day'])
})

test('a zoom has some width', () => {
  const { fromMs, toMs } = zoomedStretch({ fromMs: nowMs, toMs: nowMs }, nowMs, 'UTC')
  expect(toMs - fromMs).toBeGreaterThanOrEqual(5 * intervalMs.minute)
})

test.each([
  ['Europe/Berlin', 'Europe/Berlin', 'Europe/Berlin'],
  ['UTC', 'UTC', 'UTC'],
  ['Asia/Kolkata', 'Asia/Kolkata', 'UTC'],
  ['Asia/Kathmandu', 'Asia/Kathmandu', 'UTC'],
  ['Australia/Adelaide', 'Australia/Adelaide', 'UTC'],
  // Half an hour of summer time: in June midnight is at half past an hour of UTC, in January at a full one.
  ['Australia/Lord_Howe', 'Australia/Lord_Howe', 'UTC'],
])('days of %s are asked for while they are kept, days of UTC else', (zone, month, year) => {
  expect(stretchOf('month', nowMs, zone).timezone).toBe(month)
  expect(stretchOf('year', nowMs, zone).timezone).toBe(year)
  const zoomed = zoomedStretch({ fromMs: nowMs - 90 * intervalMs.day, toMs: nowMs }, nowMs, zone)
  expect(zoomed).toMatchObject({ interval: 'day', timezone: year })
  expect(stretchOf('day', nowMs, zone).timezone).toBe(zone)
})

test('a year in UTC has 365 days that begin at midnight in UTC', () => {
  expect(stretchOf('year', nowMs, 'Asia/Kolkata')).toEqual({
    fromMs: Date.UTC(2025, 5, 16),
    toMs: Date.UTC(2026, 5, 16),
    interval: 'day',
    timezone: 'UTC',
  })
})

test('days older than any hour that is kept are those of UTC', () => {
  const old = { fromMs: nowMs - 500 * intervalMs.day, toMs: nowMs - 400 * intervalMs.day }
  expect(zoomedStretch(old, nowMs, 'Europe/Berlin').timezone).toBe('UTC')
})

test('days of UTC are told to be so', () => {
  expect(intervalWords({ interval: 'day', timezone: 'UTC' })).toBe('day (UTC)')
  expect(intervalWords({ interval: 'day', timezone: 'Europe/Berlin' })).toBe('day')
  expect(intervalWords({ interval: 'hour', timezone: 'UTC' })).toBe('hour')
})

test('what is no longer kept is asked for in longer intervals, and at last in days of UTC', () => {
  const minutes = stretchOf('hour', nowMs, 'Asia/Kolkata')
  const hours = coarserStretch(minutes)
  expect(hours).toEqual({
    fromMs: Date.UTC(2026, 5, 15, 11),
    toMs: Date.UTC(2026, 5, 15, 13),
    interval: 'hour',
    timezone: 'Asia/Kolkata',
  })
  const days = hours && coarserStretch(hours)
  expect(days).toMatchObject({ interval: 'day', timezone: 'Asia/Kolkata' })
  const daysOfUtc = days && coarserStretch(days)
  expect(daysOfUtc).toEqual({
    fromMs: Date.UTC(2026, 5, 15),
    toMs: Date.UTC(2026, 5, 16),
    interval: 'day',
    timezone: 'UTC',
  })
  expect(daysOfUtc && coarserStretch(daysOfUtc)).toBeUndefined()
})
