import { LinkfleetError } from '@linkfleet/contracts/errors'
import { Type } from 'typebox'
import { judgeRange, type RangeQuestion, type Retention, type StatsRange } from '../domain/stats-range.ts'

/** Texts only: what they mean, and what is wrong with them, the domain says. */
export const rangeQuerySchema = Type.Object(
  {
    from: Type.Optional(Type.String({ maxLength: 40 })),
    to: Type.Optional(Type.String({ maxLength: 40 })),
    interval: Type.Optional(Type.String({ maxLength: 40 })),
  },
  { additionalProperties: false },
)

export function rangeOf(question: RangeQuestion, retention: Retention, nowMs: number): StatsRange {
  const judgement = judgeRange(question, retention, nowMs)
  if (judgement.kind === 'range') return judgement.range
  throw new LinkfleetError('invalid-request', judgement.detail, { field: judgement.field })
}
