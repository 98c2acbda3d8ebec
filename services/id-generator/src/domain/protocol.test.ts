// No code is handed out twice, whatever a schedule does to generators, calls, the primary and its standbys; and the
// schedules would find it if the protocol were wrong.

import { testRuns, testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ShardLedger } from '../ports.ts'
import { apply, createWorld, firstRepeat, type Sown } from '../testing/protocol-model.ts'
import { calm, GENERATORS, schedule } from '../testing/protocol-schedules.ts'
import type { MemoryLedger } from '../testing/shard-ledger-memory.ts'

/** Ignores whose lease it is: any two processes may hold one shard. */
const withoutFencing =
  (memory: MemoryLedger): ShardLedger['reserve'] =>
  async (request) => {
    const { epoch } = memory.state().shards[request.lease.shard]!
    return memory.reserve({ ...request, lease: { ...request.lease, epoch } })
  }

/** Answers as the ledger would and leaves no trace in it. */
const withoutCommit =
  (memory: MemoryLedger): ShardLedger['reserve'] =>
  (request) => {
    const before = memory.state()
    const answer = memory.reserve(request)
    memory.restore(before)
    return answer
  }

/** One value of each block stays free. */
const offByOne =
  (memory: MemoryLedger): ShardLedger['reserve'] =>
  (request) => {
    const answer = memory.reserve(request)
    const after = memory.state()
    const row = after.shards[request.lease.shard]!
    row.nextValue = Math.max(0, row.nextValue - 1)
    memory.restore(after)
    return answer
  }

const sown: Record<string, Sown> = {
  'codes are handed out before the reservation is committed': { believe: withoutCommit },
  'a block ends where the next one begins': { reserve: offByOne },
  'a new timeline skips nothing': { skip: 0 },
  'a counter runs further ahead of the standbys than a new timeline skips': { rules: { aheadMax: 400 } },
  'a silent standby is forgotten at once': { rules: { standbyGraceMs: -1 } },
}

const numRuns = testRuns(250)
const timeoutMs = 30_000 + numRuns * 20

describe('the protocol of shards, leases and blocks', () => {
  test(
    'never hands out a code twice, whatever is delayed, lost, crashed or promoted',
    async () => {
      await fc.assert(
        fc.asyncProperty(schedule, async (steps) => {
          expect(await firstRepeat(steps)).toBeUndefined()
        }),
        { numRuns, seed: testSeed },
      )
    },
    timeoutMs,
  )

  test('hands out codes at all in such schedules', async () => {
    const world = createWorld()
    for (const step of [...calm, ...calm, ...calm]) await apply(world, step)
    expect(world.issued.length).toBeGreaterThanOrEqual(GENERATORS * 3)
  })

  test(
    'never hands out a code twice even if nobody minds whose lease it is',
    async () => {
      await fc.assert(
        fc.asyncProperty(schedule, async (steps) => {
          expect(await firstRepeat(steps, { reserve: withoutFencing })).toBeUndefined()
        }),
        { numRuns, seed: testSeed },
      )
    },
    timeoutMs,
  )

  // The seed is fixed, since this is a test of the schedules: they must reach what would be wrong.
  test.each(Object.entries(sown))('is seen to be broken if %s', async (_fault, fault) => {
    const broken = fc.asyncProperty(
      schedule,
      async (steps) => (await firstRepeat(steps, fault)) === undefined,
    )
    const { failed } = await fc.check(broken, { numRuns: 500, seed: 1, endOnFailure: true })
    expect(failed).toBe(true)
  })
})
