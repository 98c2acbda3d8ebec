import { describe, expect, test } from 'vitest'
import { createAllocateCodes } from './allocate-codes.ts'

/** A generator that has no codes until `roundsUntilCodes` rounds have gone by. */
function allocator(roundsUntilCodes: number, roundSucceeds = true) {
  let rounds = 0
  let wakes = 0
  const allocateCodes = createAllocateCodes({
    generator: {
      wantsBlock: true,
      take: (count) =>
        rounds >= roundsUntilCodes ? Array.from({ length: count }, (_, n) => `code${n}`) : undefined,
    },
    wakeUpkeep: () => {
      wakes += 1
    },
    nextRound: async () => {
      rounds += 1
      return roundSucceeds
    },
    nowMs: () => 0,
  })
  return {
    allocate: (count: number) => allocateCodes(count, new AbortController().signal),
    wakes: () => wakes,
  }
}

describe('allocating codes', () => {
  test('answers from what is at hand, and asks for the block that is missing in reserve', async () => {
    const { allocate, wakes } = allocator(0)
    expect(await allocate(2)).toEqual(['code0', 'code1'])
    expect(wakes()).toBe(1)
  })

  test('waits for a block when there is nothing at hand', async () => {
    expect(await allocator(3).allocate(1_000)).toHaveLength(1_000)
  })

  test('is unavailable at once when blocks cannot be reserved', async () => {
    await expect(allocator(3, false).allocate(1)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('gives up after some rounds without enough codes', async () => {
    await expect(allocator(Number.POSITIVE_INFINITY).allocate(1)).rejects.toMatchObject({
      code: 'unavailable',
    })
  })

  test.each([0, 1_001, -1, 1.5, Number.NaN])('refuses a count of %d and names the field', async (count) => {
    await expect(allocator(0).allocate(count)).rejects.toMatchObject({
      code: 'invalid-request',
      field: 'count',
    })
  })
})
