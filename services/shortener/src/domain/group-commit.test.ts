import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GroupCommit } from './group-commit.ts'

interface Item {
  readonly name: string
  readonly key: string
}

/** Groups that wait until they are let go. */
function open(options: { groupItemsMax?: number; groupsInFlightMax?: number } = {}) {
  const running: { items: readonly Item[]; end: PromiseWithResolvers<void> }[] = []
  const groups = new GroupCommit<Item, string>({
    run: async (items) => {
      const end = Promise.withResolvers<void>()
      running.push({ items, end })
      await end.promise
      return items.map((item) => item.name)
    },
    keysOf: (item) => [item.key],
    groupItemsMax: options.groupItemsMax ?? 100,
    groupsInFlightMax: options.groupsInFlightMax ?? 1,
  })
  let count = 0
  const submit = (name: string, key = `key ${count++}`) => groups.submit({ name, key })
  const letGo = async () => {
    running.shift()?.end.resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const names = () => running.map((group) => group.items.map((item) => item.name))
  return { groups, submit, letGo, names, running }
}

describe('group commit', () => {
  it('runs the first item at once, and those that come meanwhile together', async () => {
    const { submit, letGo, names } = open()
    const first = submit('a')
    const others = ['b', 'c', 'd'].map((name) => submit(name))
    expect(names()).toEqual([['a']])
    await letGo()
    expect(names()).toEqual([['b', 'c', 'd']])
    await letGo()
    expect(await Promise.all([first, ...others].map(({ result }) => result))).toEqual(['a', 'b', 'c', 'd'])
  })

  it('bounds the size of a group and the number of groups', async () => {
    const { submit, names } = open({ groupItemsMax: 2, groupsInFlightMax: 2 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) submit(name)
    expect(names()).toEqual([['a'], ['b']])
  })

  it('fails a group as a whole, and goes on with the next', async () => {
    const sizes: number[] = []
    const groups = new GroupCommit<Item, string>({
      run: async (items) => {
        sizes.push(items.length)
        if (sizes.length < 3) throw new Error('away')
        return items.map((item) => item.name)
      },
      keysOf: (item) => [item.key],
      groupItemsMax: 10,
      groupsInFlightMax: 1,
    })
    const items = ['a', 'b', 'c'].map((name) => groups.submit({ name, key: name }))
    const settled = await Promise.allSettled(items.map(({ result }) => result))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await groups.submit({ name: 'd', key: 'd' }).result).toBe('d')
    expect(sizes).toEqual([1, 2, 1])
  })

  it('never has one key in two groups at the same time, but may have it twice in one', async () => {
    const { submit, letGo, names } = open({ groupsInFlightMax: 2 })
    submit('a', 'same')
    submit('b', 'same')
    submit('c', 'same')
    submit('d', 'other')
    expect(names()).toEqual([['a'], ['d']])
    await letGo()
    expect(names()).toEqual([['d'], ['b', 'c']])
  })

  it('gives an item back that has not begun, and no other', async () => {
    const { submit, letGo, names, groups } = open()
    const begun = submit('a')
    const waiting = submit('b')
    expect(begun.abandon()).toBe(false)
    expect(waiting.abandon()).toBe(true)
    expect(waiting.abandon()).toBe(false)
    expect(groups.waiting).toBe(0)
    await letGo()
    expect(names()).toEqual([])
  })

  it('settles every item once with its own result, whatever the keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('x', 'y', 'z', 'w') }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        async (wishes, groupItemsMax, groupsInFlightMax) => {
          const busy = new Map<string, number>()
          let groupNumber = 0
          const groups = new GroupCommit<{ index: number; key: string }, number>({
            run: async (items) => {
              const group = groupNumber++
              for (const { key } of items) {
                expect(busy.get(key) ?? group).toBe(group)
                busy.set(key, group)
              }
              await Promise.resolve()
              for (const { key } of items) busy.delete(key)
              return items.map(({ index }) => index)
            },
            keysOf: ({ key }) => [key],
            groupItemsMax,
            groupsInFlightMax,
          })
          const results = wishes.map((wish, index) => groups.submit({ ...wish, index }).result)
          expect(await Promise.all(results)).toEqual(wishes.map((_wish, index) => index))
        },
      ),
    )
  })
})
