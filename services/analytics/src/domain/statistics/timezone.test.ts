import { expect, test } from 'vitest'
import { timezoneOf, utc } from './timezone.ts'

const dayOf = (date: string) => Date.parse(`${date}T00:00:00Z`) / 86_400_000
const startOf = (zone: string, date: string) =>
  new Date(timezoneOf(zone)!.startOfDay(dayOf(date))).toISOString()

test.each([
  ['UTC', '2026-06-15', '2026-06-15T00:00:00.000Z'],
  ['Europe/Berlin', '2026-01-15', '2026-01-14T23:00:00.000Z'],
  ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00.000Z'],
  ['Europe/Berlin', '2026-03-30', '2026-03-29T22:00:00.000Z'],
  ['Europe/Berlin', '2026-10-26', '2026-10-25T23:00:00.000Z'],
  ['America/New_York', '2026-06-15', '2026-06-15T04:00:00.000Z'],
  ['Asia/Kolkata', '2026-06-15', '2026-06-14T18:30:00.000Z'],
  ['Asia/Kathmandu', '2026-06-15', '2026-06-14T18:15:00.000Z'],
  ['Pacific/Kiritimati', '2026-06-15', '2026-06-14T10:00:00.000Z'],
  ['Pacific/Pago_Pago', '2026-06-15', '2026-06-15T11:00:00.000Z'],
  // The clocks of Cairo go forward at midnight: the day begins at one.
  ['Africa/Cairo', '2026-04-24', '2026-04-23T22:00:00.000Z'],
  ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30:00.000Z'],
])('in %s, %s begins at %s', (zone, date, start) => expect(startOf(zone, date)).toBe(start))

test('days follow each other without a gap, a year long, wherever the clocks are changed', () => {
  for (const name of [
    'Europe/Berlin',
    'America/St_Johns',
    'Africa/Cairo',
    'Asia/Tehran',
    'Australia/Lord_Howe',
  ]) {
    const zone = timezoneOf(name)!
    for (let day = dayOf('2026-01-01'); day < dayOf('2027-01-01'); day++) {
      const startMs = zone.startOfDay(day)
      const hours = (zone.startOfDay(day + 1) - startMs) / 3_600_000
      expect([23, 23.5, 24, 24.5, 25], `${name} ${day}`).toContain(hours)
      expect(zone.dayOf(startMs)).toBe(day)
      expect(zone.dayOf(startMs - 1)).toBe(day - 1)
    }
  }
})

test.each([
  'Europe/Nowhere',
  '',
  '+02:00',
  'UTC+2',
  'a'.repeat(100),
  '../../etc/localtime',
  'Europe/Berlin ',
])('"%s" is no time zone', (name) => expect(timezoneOf(name)).toBeUndefined())

test('a zone is known by any of its names', () => {
  expect(timezoneOf('Etc/UTC')).toBe(utc)
  expect(timezoneOf('europe/berlin')?.name).toBe('Europe/Berlin')
  // The runtime has both for one place, and takes the older one for the name of it.
  for (const name of ['Asia/Kolkata', 'Asia/Calcutta', 'Europe/Kyiv'])
    expect(timezoneOf(name)?.name).toBe(name)
})
