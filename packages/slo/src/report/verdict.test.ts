import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ServiceLevelAgreement } from '../objective.ts'
import { verdictOf } from './verdict.ts'

const agreement: ServiceLevelAgreement = {
  name: 'public-links',
  description: 'A promise.',
  services: ['redirect', 'shortener'],
  promised: 0.995,
  requestsMin: 100,
  credits: [
    { below: 0.995, percent: 10 },
    { below: 0.99, percent: 25 },
    { below: 0.95, percent: 100 },
  ],
}
const of = (service: string, availability: number | null, requests: number | null = 1000) => ({
  service,
  requests,
  availability,
})

test.each([
  [1, 'kept', 0],
  [0.995, 'kept', 0],
  [0.99499, 'missed', 10],
  [0.99, 'missed', 10],
  [0.98, 'missed', 25],
  [0.5, 'missed', 100],
] as const)('at %d the promise is %s and %d %% is owed', (availability, outcome, creditPercent) => {
  const verdict = verdictOf(agreement, [of('redirect', availability), of('shortener', 1)], true)
  expect(verdict).toMatchObject({ outcome, creditPercent, availability })
})

test('a service with few requests, or none, or no part in the agreement, is not judged', () => {
  const services = [of('redirect', 0.2, 99), of('shortener', null, null), of('analytics', 0.1)]
  expect(verdictOf(agreement, services, true)).toMatchObject({ outcome: 'not judged', creditPercent: 0 })
})

test('a day that lasts is open, and says what would be owed', () => {
  expect(verdictOf(agreement, [of('redirect', 0.5)], false)).toMatchObject({
    outcome: 'open',
    creditPercent: 100,
  })
})

test('a lower availability never owes less', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(share, share, (one, other) => {
      const owed = (availability: number) =>
        verdictOf(agreement, [of('redirect', availability)], true).creditPercent
      expect(owed(Math.min(one, other))).toBeGreaterThanOrEqual(owed(Math.max(one, other)))
    }),
  )
})
