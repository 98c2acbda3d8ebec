/**
 * A model of the fleet drives the real caching code through random histories of creates, edits, deletes, reads, lag,
 * lost caches, failovers, a feed that delays, repeats and loses, and relays that freeze and are succeeded.
 *
 * LINKFLEET_SEED repeats a run, LINKFLEET_RUNS makes it longer.
 */
import { createMemoryLinkCache } from '@linkfleet/contracts/testing/memory-link-cache'
import { testRuns, testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'
import { histories } from './operations.ts'
import { type Mistakes, World } from './world.ts'

const runs = testRuns(200)
/** Mutants are looked for from one seed, so that whether they are found does not change from day to day. */
const mutantSeed = 2
const mutantRunsMax = 4_000

function coherence(mistakes: Mistakes = {}) {
  return fc.asyncProperty(histories, async (operations) => {
    const world = new World(createMemoryLinkCache, mistakes)
    for (const one of operations) {
      await world.run(one)
      if (world.problems.length > 0) throw new Error(world.problems.join('\n'))
    }
  })
}

test.each([...new Set([testSeed, mutantSeed])])(
  `no history breaks a promise about freshness (seed %d, ${runs} runs)`,
  {
    timeout: 600_000,
  },
  async (from) => {
    await fc.assert(coherence(), { seed: from, numRuns: runs })
  },
)

test.each(Object.entries(mutants))('%s is found', { timeout: 600_000 }, async (_what, mistakes) => {
  const details = await fc.check(coherence(mistakes), {
    seed: mutantSeed,
    numRuns: mutantRunsMax,
    endOnFailure: true,
  })
  expect(String(details.errorInstance)).toMatch(/^Error: at \d+: /)
})
