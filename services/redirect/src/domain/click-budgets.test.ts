import { liveLink } from '@linkfleet/contracts/testing/live-link'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClickLease, ClickLeases } from '../ports.ts'
import { ClickBudgets, type Taken } from './click-budgets.ts'

/** The shortener's side, as its table keeps it, with answers that can be lost on either way. */
class Owner implements ClickLeases {
  max = 0
  taken = 0
  asked = 0
  away: 'no' | 'before' | 'after' = 'no'
  readonly leases = new Map<string, number>()

  async take(_key: unknown, requestId: Buffer, wanted: number) {
    this.asked += 1
    if (this.away === 'before') throw new Error('away')
    const id = requestId.toString('hex')
    const left = this.max - this.taken
    const granted = this.leases.get(id) ?? Math.max(0, Math.min(wanted, Math.max(1, left >> 3), left))
    if (wanted > 0 && !this.leases.has(id)) {
      this.leases.set(id, granted)
      this.taken += granted
    }
    if (this.away === 'after') throw new Error('the answer was lost')
    return {
      isLimited: this.max > 0,
      granted: wanted === 0 ? 0 : granted,
      left: Math.max(0, this.max - this.taken),
    }
  }

  async giveBack(leases: readonly ClickLease[]) {
    if (this.away === 'before') throw new Error('away')
    for (const { requestId, unused } of leases) {
      const id = requestId.toString('hex')
      const granted = this.leases.get(id) ?? 0
      // A lease that was returned has an id that grants nothing, ever.
      if (this.leases.has(id)) this.leases.set(id, 0)
      this.taken -= Math.min(unused, granted)
    }
    return true as const
  }
}

let ids = 0
function budgetsOf(owner: Owner, time = { nowMs: 1_000_000 }) {
  return new ClickBudgets({
    leases: {
      take: (...args) => owner.take(...args).catch(() => undefined),
      giveBack: (leases) => owner.giveBack(leases).catch(() => undefined),
    },
    clock: () => time.nowMs,
    newRequestId: () => {
      const id = Buffer.alloc(16)
      id.writeUInt32BE(ids++)
      return id
    },
    budgetsMax: 10,
  })
}
function ownerWith(max: number): Owner {
  const owner = new Owner()
  owner.max = max
  return owner
}
const copy = (version = 1, code = 'abc') => liveLink(code, version, { maxClicks: 1 })
async function takeInTurn(budgets: ClickBudgets, times: number, version = 1): Promise<void> {
  for (let index = 0; index < times; index++) expect(await budgets.take(copy(version))).toBe('taken')
}
const takeAtOnce = (budgets: ClickBudgets, times: number): Promise<Taken[]> =>
  Promise.all(Array.from({ length: times }, () => budgets.take(copy())))
const count = (outcomes: readonly Taken[], what: Taken) => outcomes.filter((one) => one === what).length

test('of a thousand that come at once as many follow as the limit allows, on few leases', async () => {
  const owner = ownerWith(600)
  const budgets = budgetsOf(owner)
  const outcomes = await takeAtOnce(budgets, 1_000)
  expect(count(outcomes, 'taken')).toBe(600)
  expect(count(outcomes, 'used-up')).toBe(400)
  expect(owner.asked).toBeLessThan(100)
})

test('that nothing is left is believed for a second', async () => {
  const owner = ownerWith(1)
  const time = { nowMs: 1_000_000 }
  const budgets = budgetsOf(owner, time)
  expect(await budgets.take(copy())).toBe('taken')
  expect(await budgets.take(copy())).toBe('used-up')
  const { asked } = owner
  for (let index = 0; index < 100; index++) expect(budgets.take(copy())).toBe('used-up')
  expect(owner.asked).toBe(asked)
  owner.taken = 0
  time.nowMs += 1_001
  expect(await budgets.take(copy())).toBe('taken')
})

test('looking takes nothing', async () => {
  const owner = ownerWith(1)
  const time = { nowMs: 1_000_000 }
  const budgets = budgetsOf(owner, time)
  expect(await Promise.all([budgets.look(copy()), budgets.look(copy())])).toEqual(['taken', 'taken'])
  expect(await budgets.look(copy())).toBe('taken')
  expect([owner.asked, owner.taken]).toEqual([1, 0])
  await budgets.take(copy())
  time.nowMs += 1_001
  expect(await budgets.look(copy())).toBe('used-up')
})

test('what is leased is used while the owner is away; after that nobody can say', async () => {
  const owner = ownerWith(80)
  const budgets = budgetsOf(owner)
  await takeInTurn(budgets, 5)
  owner.away = 'before'
  const left = budgets.clicksLeft
  expect(left).toBeGreaterThan(0)
  const outcomes = await takeAtOnce(budgets, left + 3)
  expect([count(outcomes, 'taken'), count(outcomes, 'unknown')]).toEqual([left, 3])
})

test('a lease whose answer was lost is got by asking again', async () => {
  const owner = ownerWith(3)
  owner.away = 'after'
  const budgets = budgetsOf(owner)
  expect(await budgets.take(copy())).toBe('unknown')
  expect(owner.taken).toBe(1)
  owner.away = 'no'
  const outcomes: Taken[] = []
  for (let index = 0; index < 4; index++) outcomes.push(await budgets.take(copy()))
  expect(outcomes).toEqual(['taken', 'taken', 'taken', 'used-up'])
})

test.each([
  [
    'its link is idle',
    async (budgets: ClickBudgets, time: { nowMs: number }) => {
      time.nowMs += 10_000
      await budgets.sweep()
    },
  ],
  ['the process stops', async (budgets: ClickBudgets) => await budgets.close()],
])('a lease whose answer was lost goes back when %s', async (_name, end) => {
  const owner = ownerWith(80)
  const time = { nowMs: 1_000_000 }
  const budgets = budgetsOf(owner, time)
  await takeInTurn(budgets, 5)
  owner.away = 'after'
  const left = budgets.clicksLeft
  const outcomes = await takeAtOnce(budgets, left + 9)
  expect(count(outcomes, 'unknown')).toBe(9)
  expect(owner.taken).toBeGreaterThan(5 + left)
  owner.away = 'no'
  await end(budgets, time)
  expect(owner.taken).toBe(5 + left)
})

test('an edit sends back what a lost answer may have leased, and asks anew', async () => {
  const owner = ownerWith(8)
  owner.away = 'after'
  const budgets = budgetsOf(owner)
  expect(await budgets.take(copy())).toBe('unknown')
  expect(owner.taken).toBe(1)
  owner.away = 'no'
  expect(await budgets.take(copy(2))).toBe('taken')
  await budgets.sweep()
  expect(owner.taken).toBe(1 + budgets.clicksLeft)
})

test('an edit sends the rest of a lease back, and the next is made under the new limit', async () => {
  const owner = ownerWith(1_000)
  const budgets = budgetsOf(owner)
  await takeInTurn(budgets, 10)
  expect(budgets.clicksLeft).toBeGreaterThan(0)
  owner.max = 10
  expect(await budgets.take(copy(2))).toBe('used-up')
  await budgets.sweep()
  expect(budgets.clicksLeft).toBe(0)
  expect(owner.taken).toBe(10)
})

test('what is idle goes back, and so does everything at the end, also after the owner was away', async () => {
  const owner = ownerWith(1_000)
  const time = { nowMs: 1_000_000 }
  const budgets = budgetsOf(owner, time)
  await takeInTurn(budgets, 100)
  await budgets.sweep()
  expect(owner.taken).toBeGreaterThan(100)
  time.nowMs += 10_000
  owner.away = 'before'
  await budgets.sweep()
  expect(budgets.size).toBe(0)
  owner.away = 'no'
  await budgets.sweep()
  expect(owner.taken).toBe(100)
  await takeInTurn(budgets, 50)
  await budgets.close()
  expect(owner.taken).toBe(150)
})

test('more links than there is room for: the one that came first gives back and makes room', async () => {
  const owner = ownerWith(10_000)
  const budgets = budgetsOf(owner)
  for (let index = 0; index < 100; index++) await budgets.take(copy(1, `code${index}`))
  expect(budgets.size).toBe(10)
  await budgets.close()
  expect(owner.taken).toBe(100)
})

test('a limit that was taken away meanwhile holds nobody up', async () => {
  const owner = ownerWith(0)
  const budgets = budgetsOf(owner)
  const outcomes = await takeAtOnce(budgets, 100)
  expect(count(outcomes, 'taken')).toBe(100)
})

test('several instances, some of which die, lost answers and edits: never more than the limit, and nothing is lost but by a death', async () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('take' as const), who: fc.nat(2), times: fc.nat(30) }),
    },
    fc.record({ kind: fc.constantFrom('kill' as const, 'stop' as const, 'idle' as const), who: fc.nat(2) }),
    fc.record({
      kind: fc.constant('away' as const),
      away: fc.constantFrom('no' as const, 'before' as const, 'after' as const),
    }),
    fc.record({ kind: fc.constant('edit' as const), max: fc.integer({ min: 1, max: 200 }) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.array(step, { maxLength: 40 }),
      async (max, steps) => {
        const owner = ownerWith(max)
        const time = { nowMs: 1_000_000 }
        const instances = [0, 1, 2].map(() => budgetsOf(owner, time))
        let version = 1
        let followed = 0
        /** Whoever dies takes clicks along, and whoever stops with nobody there to take them back. */
        let hasBurnt = false
        for (const one of steps) {
          time.nowMs += 300
          hasBurnt ||= one.kind === 'kill' || (one.kind === 'stop' && owner.away === 'before')
          if (one.kind === 'away') owner.away = one.away
          else if (one.kind === 'edit') {
            owner.max = one.max
            version += 1
          } else if (one.kind === 'take') {
            const before = followed
            const outcomes = await Promise.all(
              Array.from({ length: one.times }, () => instances[one.who]?.take(copy(version)) ?? 'unknown'),
            )
            followed += count(outcomes, 'taken')
            // A limit that was set below what was followed already lets nobody through.
            expect(followed).toBeLessThanOrEqual(Math.max(owner.max, before))
          } else if (one.kind === 'kill') instances[one.who] = budgetsOf(owner, time)
          else if (one.kind === 'stop') {
            await instances[one.who]?.close()
            instances[one.who] = budgetsOf(owner, time)
          } else {
            time.nowMs += 10_000
            await instances[one.who]?.sweep()
          }
          expect(followed).toBeLessThanOrEqual(owner.taken)
        }
        owner.away = 'no'
        await Promise.all(instances.map((instance) => instance.close()))
        if (!hasBurnt) expect(owner.taken).toBe(followed)
      },
    ),
    { numRuns: 300 },
  )
})
