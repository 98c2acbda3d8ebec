import type { Pool } from '@linkfleet/runtime/postgres'
import { describe, expect, it } from 'vitest'
import type { BulkOrder } from '../ports.ts'
import { newLink } from '../testing/new-link.ts'
import { createBulkInsert } from './insert-bulk-pg.ts'

/** A database that answers everybody else and lets no transaction begin. */
const busyPool = {
  transaction: () => new Promise<never>(() => {}),
  query: () => Promise.resolve({ rows: [] }),
  answeredAtMs: () => performance.now(),
} as unknown as Pool

function orderThatCounts(counts: { taken: number }): BulkOrder {
  const items = [{ link: newLink(), code: null, passwordVerifier: null, idempotency: null }]
  return {
    items,
    takeCodes: async () => {
      counts.taken += 1
      return items
    },
    replaceCodes: async (taken) => taken,
    idempotency: null,
    openIn: null,
    toRecord: () => ({ results: [] }),
  }
}

describe('bulks that come at once', () => {
  it('take codes when it is their turn; who is refused, or gave up waiting, takes none', async () => {
    const counts = { taken: 0 }
    const insert = createBulkInsert(busyPool, () => false)
    const asked = Array.from({ length: 12 }, () => insert(orderThatCounts(counts), performance.now() + 200))
    const answers = await Promise.allSettled(asked)
    const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'made'))
    // Two hold their turns, eight wait for one until they give up, two find no place to wait.
    expect(codes).toEqual([...Array(10).fill('not-created'), 'overloaded', 'overloaded'])
    expect(counts.taken).toBe(2)
  })

  it('are refused with what is wrong when there are no codes', async () => {
    const insert = createBulkInsert(busyPool, () => false)
    const order = { ...orderThatCounts({ taken: 0 }), takeCodes: () => Promise.reject(new Error('no codes')) }
    await expect(insert(order, performance.now() + 5_000)).rejects.toThrow('no codes')
  })
})
