import { describe, expect, test } from 'vitest'
import { askingOrder, type Failure, mayAskNext, verdictOf } from './upstream-order.ts'

const get = { method: 'GET', hasIdempotencyKey: false }
const create = { method: 'POST', hasIdempotencyKey: true }
const edit = { method: 'PATCH', hasIdempotencyKey: false }
const refused: Failure = { kind: 'refused' }
const lost: Failure = { kind: 'lost' }
const late: Failure = { kind: 'late' }
const unavailable: Failure = { kind: 'unavailable' }

describe('the next instance is asked', () => {
  test.each([refused, lost, late, unavailable])('by a GET after %j', (failure) => {
    expect(mayAskNext(get, failure)).toBe(true)
  })

  test.each([refused, lost, late, unavailable])('by a create with an Idempotency-Key after %j', (failure) => {
    expect(mayAskNext(create, failure)).toBe(true)
  })

  test('by an edit only when the first one was never reached', () => {
    expect(mayAskNext(edit, refused)).toBe(true)
    expect([lost, late, unavailable].map((failure) => mayAskNext(edit, failure))).toEqual([
      false,
      false,
      false,
    ])
  })
})

describe('the verdict', () => {
  test('of a change that may have arrived is that nobody knows', () => {
    expect(verdictOf(edit, [lost])).toBe('outcome-unknown')
    expect(verdictOf(create, [late, refused])).toBe('outcome-unknown')
  })

  test('of a change that never arrived is that the service is away', () => {
    expect(verdictOf(edit, [refused, refused])).toBe('unavailable')
  })

  test('of a GET tells slowness from absence', () => {
    expect(verdictOf(get, [refused, late])).toBe('deadline-exceeded')
    expect(verdictOf(get, [late, refused])).toBe('unavailable')
  })
})

test('the address that answered last is asked first, and no more than the bound are asked', () => {
  expect(askingOrder(['a', 'b', 'c', 'd'], 2, 3)).toEqual(['c', 'd', 'a'])
  expect(askingOrder(['a'], 0, 3)).toEqual(['a'])
})
