import { expect, test } from 'vitest'
import type { ClickBudgets } from '../ports.ts'
import { returnClicks, takeClicks } from './take-clicks.ts'

const key = { domainId: 1, code: 'abc' }
const requestId = Buffer.alloc(16)
const asked: unknown[] = []
const budgets: ClickBudgets = {
  async take(link, id, wanted) {
    asked.push([link, id, wanted])
    return link.code === 'abc' ? { version: 7, isLimited: true, granted: 2, left: 3 } : undefined
  },
  giveBack: async (leases) => void asked.push(leases),
}
const take = takeClicks(budgets)
const giveBack = returnClicks(budgets)

test('a grant is told as it was made', async () => {
  expect(await take({ key, requestId, wanted: 5 })).toEqual({
    version: 7,
    limited: true,
    granted: 2,
    left: 3,
  })
  expect(asked.splice(0)).toEqual([[key, requestId, 5]])
})

test('a link that is not there is not found', async () => {
  await expect(take({ key: { ...key, code: 'gone' }, requestId, wanted: 1 })).rejects.toMatchObject({
    code: 'not-found',
  })
  asked.splice(0)
})

test.each([
  ['no key', { key: undefined, requestId, wanted: 1 }, 'key'],
  ['a code that cannot be', { key: { domainId: 1, code: 'a/b' }, requestId, wanted: 1 }, 'key'],
  ['no request id', { key, requestId: Buffer.alloc(0), wanted: 1 }, 'request_id'],
  ['a long request id', { key, requestId: Buffer.alloc(17), wanted: 1 }, 'request_id'],
  ['too many', { key, requestId, wanted: 1_001 }, 'wanted'],
])('%s is refused by its name, and nothing is asked', async (_name, request, field) => {
  await expect(take(request)).rejects.toMatchObject({ code: 'invalid-request', field })
  expect(asked).toEqual([])
})

test('leases are returned together, 1 to 500 of them, each with a key', async () => {
  const lease = { key, requestId, unused: 1 }
  await giveBack({ leases: [lease, lease] })
  expect(asked.splice(0)).toEqual([[lease, lease]])
  await expect(giveBack({ leases: [] })).rejects.toMatchObject({ field: 'leases' })
  const tooMany = Array.from({ length: 501 }, () => lease)
  await expect(giveBack({ leases: tooMany })).rejects.toMatchObject({ field: 'leases' })
  await expect(giveBack({ leases: [lease, { ...lease, key: undefined }] })).rejects.toMatchObject({
    field: 'leases.1.key',
  })
  expect(asked).toEqual([])
})
