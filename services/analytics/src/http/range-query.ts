import { LinkfleetError } from '@linkfleet/contracts/errors'
import { Type } from 'typebox'
import {
  judgeRange,
  type RangeQuestion,
  type Retention,
  type StatsRange,
} from '../domain/statistics/stats-range.ts'

const text = (description: string) => Type.Optional(Type.String({ maxLength: 64, description }))

const bounds = {
  from: text('A date, or a moment with its offset; the default depends on the interval.'),
  to: text('Exclusive; now unless given.'),
}

/** Texts only: what they mean, and what is wrong with them, the domain says. */
export const daysQuery = bounds
export const rangeQuery = {
  ...bounds,
  interval: text('minute, hour or day; day unless given.'),
  timezone: text('An IANA name such as Europe/Berlin: where days begin and dates are. UTC unless given.'),
}

export function rangeOf(question: RangeQuestion, retention: Retention, nowMs: number): StatsRange {
  const judgement = judgeRange(question, retention, nowMs)
  if (judgement.kind === 'range') return judgement.range
  throw new LinkfleetError('invalid-request', judgement.detail, { field: judgement.field })
}
