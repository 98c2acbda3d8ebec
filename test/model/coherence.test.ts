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
import { histories, type Operation } from './operations.ts'
import type { Change } from './primary.ts'
import { codes, type Mistakes, World } from './world.ts'

const runs = testRuns(2_000)
/** Mutants are looked for from one seed, so that whether they are found does not change from day to day. */
const mutantSeed = 2
const mutantRunsMax = 4_000

/** Two are fewer than there are links: what was told goes because there is no room for it. */
const floorsMax = fc.constantFrom(100, 100, 2)

function coherence(mistakes: Mistakes = {}) {
  return fc.asyncProperty(histories, floorsMax, async (operations, floorsMax) => {
    const world = new World(createMemoryLinkCache, { floorsMax, ...mistakes })
    for (const one of operations) {
      await world.run(one)
      if (world.problems.length > 0) throw new Error(world.problems.join('\n'))
    }
  })
}

test.each([...new Set([testSeed, mutantSeed])])(
  `no history breaks a promise about freshness (seed %d, ${runs} runs)`,
  { timeout: 600_000 + 20 * runs },
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

test('an edit that Kafka is told of first does not get into Redis ahead of the create that waits there', async () => {
  const [edited, other] = codes
  const redis = (isUp: boolean): Operation => ({ kind: 'switch', what: 'redis', isUp })
  const relay = (what: 'beat' | 'take' | 'apply', withKafka = true): Operation => {
    return { kind: 'relay', what, calls: 0, fate: withKafka ? 'acknowledged' : undefined }
  }
  const round = [relay('take'), relay('apply')]
  const write = (
    code: string,
    change: 'create' | 'edit',
    writeThrough: 'now' | 'never' = 'never',
  ): Operation => ({
    kind: 'write',
    code,
    change,
    isSlow: false,
    writeThrough,
  })
  const history: Operation[] = [
    { kind: 'well' },
    { kind: 'well' },
    // The relay no longer knows what Redis has, so what is written through meanwhile is told to Redis again.
    ...[redis(false), relay('beat'), ...round, redis(true)],
    ...[write(other, 'create'), write(other, 'edit'), write(other, 'edit'), write(edited, 'create', 'now')],
    // Kafka gets all, while a round holds three changes and the create is the fourth that waits for Redis.
    ...[redis(false), ...round, ...round, write(edited, 'edit'), redis(true)],
    ...[relay('take'), relay('apply', false), ...round],
    // Redis loses the edit before it is the create's turn.
    ...[{ kind: 'redis', what: 'flush' } as const, relay('beat'), ...round, ...round, ...round, ...round],
    ...[{ kind: 'pass', ms: 500 } as const, relay('beat'), ...round],
  ]
  const world = new World(createMemoryLinkCache)
  for (const one of history) await world.run(one)
  expect(world.problems).toEqual([])
})

test('a fill that was a day on its way does not pass for current when the deletion that it missed has run out', async () => {
  const [code] = codes
  const write = (change: Change, writeThrough: 'now' | 'late'): Operation => {
    return { kind: 'write', code, change, isSlow: false, writeThrough }
  }
  const history: Operation[] = [
    { kind: 'well' },
    ...[write('create', 'now'), write('edit', 'late'), write('delete', 'now')],
    // As many changes as a round holds: all are done, and the watermark stays where it is.
    { kind: 'relay', what: 'round', calls: 0, fate: 'acknowledged' },
    { kind: 'pass', ms: 24 * 60 * 60 * 1_000 },
    // The fill of the edit arrives.
    { kind: 'step', place: 0 },
    { kind: 'well' },
  ]
  const world = new World(createMemoryLinkCache)
  for (const one of history) await world.run(one)
  expect(world.problems).toEqual([])
})
