// The protocol as a model: generators, a primary and lagging standbys in memory, and a schedule that fast-check makes up:
// which call goes on next, which answer is lost, who crashes, who freezes, which standby is promoted and what it lacks.
// Whatever happens, no code is ever handed out twice.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ShardLedger } from '../ports.ts'
import { createMemoryLedger, type MemoryLedger } from '../testing/shard-ledger-memory.ts'
import { createGenerator, type Generator, type GeneratorOptions } from './generator.ts'
import type { ProtocolRules } from './rules.ts'

const rules: ProtocolRules = {
  aheadMax: 16,
  blockValuesMin: 2,
  blockValuesMax: 8,
  blockValuesAtStart: 4,
  growWithinMs: 1_000,
  shrinkAfterMs: 10_000,
  standbyGraceMs: 3_000,
}
const SHARDS = 3
const GENERATORS = 3
const STANDBYS = 2

type Step =
  | { kind: 'take'; generator: number; count: number }
  | { kind: 'upkeep' | 'crash' | 'stop'; generator: number }
  | { kind: 'deliver'; call: number; fate: 'done' | 'lost request' | 'lost answer' }
  | { kind: 'replicate' | 'promote' | 'toggle silence'; standby: number }
  | { kind: 'rotate key' }
  | { kind: 'wait'; ms: number }

const generatorIndex = fc.nat({ max: GENERATORS - 1 })
const standbyIndex = fc.nat({ max: STANDBYS - 1 })
const deliver = fc.record({
  kind: fc.constant('deliver' as const),
  call: fc.nat({ max: 5 }),
  fate: fc.constantFrom(
    'done' as const,
    'done' as const,
    'done' as const,
    'lost request' as const,
    'lost answer' as const,
  ),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: deliver },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('upkeep' as const), generator: generatorIndex }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      generator: generatorIndex,
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('replicate' as const), standby: standbyIndex }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('crash' as const, 'stop' as const),
      generator: generatorIndex,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('promote' as const, 'toggle silence' as const),
      standby: standbyIndex,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'rotate key' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 500, 1_500, 5_000) }),
  },
)

interface PendingCall {
  deliver(fate: 'done' | 'lost request' | 'lost answer'): Promise<void>
}

/** Holds every call back until the schedule delivers it, and may lose the request or the answer. */
function delayed(
  ledger: MemoryLedger,
  pending: PendingCall[],
): ShardLedger & { standbys: MemoryLedger['standbys'] } {
  function held<A extends unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return (...args) =>
      new Promise<R>((resolve, reject) => {
        pending.push({
          async deliver(fate) {
            if (fate === 'lost request') return reject(new Error('the request was lost'))
            const answer = await call(...args)
            if (fate === 'lost answer') return reject(new Error('the answer was lost'))
            resolve(answer)
          },
        })
      })
  }
  return {
    acquire: held(ledger.acquire),
    renew: held(ledger.renew),
    release: held(ledger.release),
    reserve: held(ledger.reserve),
    keys: held(ledger.keys),
    standbys: { count: STANDBYS, read: held(ledger.standbys.read) },
  }
}

function createWorld(overrides: Partial<ProtocolRules> = {}) {
  let nowMs = 0
  const pending: PendingCall[] = []
  const memory = createMemoryLedger({
    shardCount: SHARDS,
    standbyCount: STANDBYS,
    aheadMax: rules.aheadMax,
    clock: () => nowMs,
  })
  const ledger = delayed(memory, pending)
  const issued: string[] = []
  const silentSinceMs = new Map<number, number>()
  let starts = 0

  function start(): { generator: Generator; busy: boolean } {
    starts += 1
    const options: GeneratorOptions = {
      ledger,
      standbys: ledger.standbys,
      owner: `generator-${starts}`,
      shardCount: SHARDS,
      // Small enough that long runs grow into the second length.
      codeLengths: [2, 3],
      isReserved: () => false,
      leasesWanted: 2,
      leaseTtlMs: 1_200,
      rules: { ...rules, ...overrides },
      onReservation: () => {},
    }
    return { generator: createGenerator(options), busy: false }
  }
  const instances = Array.from({ length: GENERATORS }, start)

  /** Lets every promise that can go on do so. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

  async function apply(next: Step): Promise<void> {
    if (next.kind === 'take') {
      issued.push(...(instances[next.generator]!.generator.take(next.count, nowMs) ?? []))
    } else if (next.kind === 'upkeep') {
      const instance = instances[next.generator]!
      if (instance.busy) return
      instance.busy = true
      const done = () => {
        instance.busy = false
      }
      void instance.generator.upkeep(() => nowMs).then(done, done)
    } else if (next.kind === 'crash') {
      // Its calls in flight stay in flight: they may still reach the database.
      instances[next.generator] = start()
    } else if (next.kind === 'stop') {
      void instances[next.generator]!.generator.handOver().catch(() => {})
      instances[next.generator] = start()
    } else if (next.kind === 'deliver') {
      const [call] = pending.splice(next.call % Math.max(1, pending.length), 1)
      await call?.deliver(next.fate)
    } else if (next.kind === 'replicate') {
      memory.replicate(next.standby)
    } else if (next.kind === 'promote') {
      // Whoever promotes takes no standby that has been out of reach for the whole grace.
      if (nowMs - (silentSinceMs.get(next.standby) ?? nowMs) < rules.standbyGraceMs)
        memory.promote(next.standby)
    } else if (next.kind === 'toggle silence') {
      const silent = !silentSinceMs.has(next.standby)
      memory.silence(next.standby, silent)
      if (silent) silentSinceMs.set(next.standby, nowMs)
      else silentSinceMs.delete(next.standby)
    } else if (next.kind === 'rotate key') {
      memory.rotateKey()
    } else {
      nowMs += next.ms
    }
    await settle()
  }

  return { apply, issued }
}

async function firstRepeat(
  steps: readonly Step[],
  overrides: Partial<ProtocolRules> = {},
): Promise<string | undefined> {
  const world = createWorld(overrides)
  for (const next of steps) await world.apply(next)
  const seen = new Set<string>()
  return world.issued.find((code) => seen.size === seen.add(code).size)
}

/** A calm stretch of work, so that schedules get far enough for the interesting things to happen. */
const calm: Step[] = Array.from({ length: GENERATORS }, (_, generator): Step[] => [
  { kind: 'upkeep', generator },
  ...Array.from({ length: 6 }, (): Step => ({ kind: 'deliver', call: 0, fate: 'done' })),
  { kind: 'take', generator, count: 3 },
]).flat()

const schedule = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.array(step, { minLength: 10, maxLength: 25 }) },
      { weight: 2, arbitrary: fc.constant(calm) },
    ),
    {
      minLength: 2,
      maxLength: 14,
    },
  )
  .map((parts) => parts.flat())

describe('the protocol of shards, leases and blocks', () => {
  test('never hands out a code twice, whatever is delayed, lost, crashed or promoted', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        expect(await firstRepeat(steps)).toBeUndefined()
      }),
      { numRuns: 250 },
    )
  })

  test('hands out codes at all in such schedules', async () => {
    const world = createWorld()
    for (const next of [...calm, ...calm, ...calm]) await world.apply(next)
    expect(world.issued.length).toBeGreaterThanOrEqual(GENERATORS * 3)
  })

  test('would repeat codes after a lossy promotion if counters ran too far ahead of the standbys', async () => {
    const found = await fc.check(
      fc.asyncProperty(schedule, async (steps) => {
        expect(await firstRepeat(steps, { aheadMax: 400 })).toBeUndefined()
      }),
      { numRuns: 2_000, endOnFailure: true },
    )
    expect(found.failed).toBe(true)
  })
})
