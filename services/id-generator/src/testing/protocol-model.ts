// The protocol as a model: generators, a primary and lagging standbys in memory, and a schedule that fast-check makes up:
// which call goes on next, which answer is lost, who crashes, who freezes, which standby is promoted and what it lacks.
// The test beside the domain says what must hold; faults can be sown here, to see that the schedules find them.

import fc from 'fast-check'
import { createGenerator, type Generator, type GeneratorOptions } from '../domain/generator.ts'
import type { ProtocolRules } from '../domain/rules.ts'
import type { ShardLedger } from '../ports.ts'
import { createMemoryLedger, type MemoryLedger } from './shard-ledger-memory.ts'

export const rules: ProtocolRules = {
  aheadMax: 16,
  turnValues: 12,
  blockValuesMin: 2,
  blockValuesMax: 8,
  blockValuesAtStart: 4,
  growWithinMs: 1_000,
  shrinkAfterMs: 10_000,
  standbyGraceMs: 3_000,
  standbyGapMs: 2_000,
}
const SHARDS = 3
export const GENERATORS = 3
const STANDBYS = 2

export type Step =
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
const steps: fc.Arbitrary<Step> = fc.oneof(
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
  memory: MemoryLedger,
  pending: PendingCall[],
  sown: Sown,
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
  const committed = held(sown.reserve?.(memory) ?? memory.reserve)
  const believed = sown.believe?.(memory)
  const reserve: ShardLedger['reserve'] = (request) => {
    if (believed === undefined) return committed(request)
    void committed(request).catch(() => {})
    return believed(request)
  }
  return {
    acquire: held(memory.acquire),
    renew: held(memory.renew),
    release: held(memory.release),
    reserve,
    keys: held(memory.keys),
    standbys: { count: STANDBYS, read: held(memory.standbys.read) },
  }
}

interface Instance {
  readonly generator: Generator
  busy: boolean
}

export interface World {
  readonly memory: MemoryLedger
  readonly pending: PendingCall[]
  readonly instances: Instance[]
  readonly issued: string[]
  readonly silentSinceMs: Map<number, number>
  /** When a standby was in reach again, and since when it had not been. */
  readonly backSince: Map<number, { readonly atMs: number; readonly silentSinceMs: number }>
  nowMs: number
  start(): Instance
}

/** Faults sown into the protocol. */
export interface Sown {
  readonly rules?: Partial<ProtocolRules>
  /** What a shard skips at a new place. */
  readonly skip?: number
  /** In the place of the ledger's own reservation, when the call is delivered … */
  readonly reserve?: (memory: MemoryLedger) => ShardLedger['reserve']
  /** … and what the generator believes at once, without waiting for the delivery. */
  readonly believe?: (memory: MemoryLedger) => ShardLedger['reserve']
}

export function createWorld(sown: Sown = {}): World {
  const pending: PendingCall[] = []
  const memory = createMemoryLedger({
    shardCount: SHARDS,
    standbyCount: STANDBYS,
    aheadMax: sown.skip ?? rules.aheadMax,
    clock: () => world.nowMs,
  })
  const ledger = delayed(memory, pending, sown)
  let starts = 0

  function start(): Instance {
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
      rules: { ...rules, ...sown.rules },
      onReservation: () => {},
    }
    return { generator: createGenerator(options), busy: false }
  }

  const instances = Array.from({ length: GENERATORS }, start)
  const world: World = {
    memory,
    pending,
    instances,
    issued: [],
    silentSinceMs: new Map(),
    backSince: new Map(),
    nowMs: 0,
    start,
  }
  return world
}

export async function apply(world: World, step: Step): Promise<void> {
  if ('generator' in step) applyToGenerator(world, step)
  else if ('standby' in step) applyToStandby(world, step)
  else if (step.kind === 'rotate key') world.memory.rotateKey()
  else if (step.kind === 'wait') world.nowMs += step.ms
  else {
    const [call] = world.pending.splice(step.call % Math.max(1, world.pending.length), 1)
    await call?.deliver(step.fate)
  }
  // Lets every promise that can go on do so.
  await new Promise<void>((resolve) => setImmediate(resolve))
}

function applyToGenerator(world: World, step: Extract<Step, { generator: number }>): void {
  const instance = world.instances[step.generator]!
  if (step.kind === 'take') {
    world.issued.push(...(instance.generator.take(step.count, world.nowMs) ?? []))
  } else if (step.kind === 'upkeep') {
    if (instance.busy) return
    instance.busy = true
    const done = () => {
      instance.busy = false
    }
    void instance.generator.upkeep(() => world.nowMs).then(done, done)
  } else {
    // After a crash the calls in flight stay in flight: they may still reach the database.
    if (step.kind === 'stop') void instance.generator.handOver().catch(() => {})
    world.instances[step.generator] = world.start()
  }
}

function applyToStandby(
  { memory, silentSinceMs, backSince, nowMs }: World,
  { kind, standby }: Extract<Step, { standby: number }>,
) {
  const sinceMs = silentSinceMs.get(standby)
  if (kind === 'replicate') {
    memory.replicate(standby)
  } else if (kind === 'promote') {
    // Whoever promotes takes no standby that has been out of reach for the whole grace.
    if (nowMs - (sinceMs ?? nowMs) < rules.standbyGraceMs) memory.promote(standby)
  } else if (sinceMs === undefined) {
    memory.silence(standby, true)
    // One that was back for a moment only has been out of reach all the while, for whoever promotes as for the generators.
    const back = backSince.get(standby)
    const wasBlink = back !== undefined && nowMs - back.atMs <= rules.standbyGapMs
    silentSinceMs.set(standby, wasBlink ? back.silentSinceMs : nowMs)
  } else {
    memory.silence(standby, false)
    silentSinceMs.delete(standby)
    backSince.set(standby, { atMs: nowMs, silentSinceMs: sinceMs })
  }
}

export async function firstRepeat(steps: readonly Step[], sown: Sown = {}): Promise<string | undefined> {
  const world = createWorld(sown)
  for (const step of steps) await apply(world, step)
  const seen = new Set<string>()
  return world.issued.find((code) => seen.size === seen.add(code).size)
}

/** A calm stretch of work, so that schedules get far enough for the interesting things to happen. */
export const calm: Step[] = Array.from({ length: GENERATORS }, (_, generator): Step[] => [
  { kind: 'upkeep', generator },
  ...Array.from({ length: 6 }, (): Step => ({ kind: 'deliver', call: 0, fate: 'done' })),
  { kind: 'take', generator, count: 3 },
]).flat()

const served = (generator: number, count: number): Step[] => [
  { kind: 'upkeep', generator },
  ...Array.from({ length: 6 }, (): Step => ({ kind: 'deliver', call: 0, fate: 'done' })),
  // One and then many: a generator that has less than it is asked for gives nothing.
  { kind: 'take', generator, count: 1 },
  { kind: 'take', generator, count },
]

const follow = (standby: number): Step => ({ kind: 'replicate', standby })

/**
 * A generator takes as much as it is allowed while one standby receives nothing, be it silent or not; then that one is
 * promoted, and the generator goes on. This is where a wrong bound repeats codes, and chance alone seldom gets there.
 */
export function lossyPromotion(options: {
  generator: number
  standby: number
  isSilent: boolean
  rounds: number
}): Step[] {
  const { generator, standby, isSilent, rounds } = options
  const other = (standby + 1) % STANDBYS
  const toggle: Step[] = isSilent ? [{ kind: 'toggle silence', standby }] : []
  const before = Array.from({ length: rounds }, () => [follow(other), ...served(generator, 8)]).flat()
  const after = Array.from({ length: rounds }, () => [
    follow(other),
    follow(standby),
    ...served(generator, 8),
  ])
  return [...toggle, ...before, { kind: 'promote', standby }, ...toggle, ...after.flat()]
}

const lossyPromotions = fc
  .record({
    generator: generatorIndex,
    standby: standbyIndex,
    isSilent: fc.boolean(),
    rounds: fc.integer({ min: 2, max: 14 }),
  })
  .map(lossyPromotion)

export const schedule = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.array(steps, { minLength: 10, maxLength: 25 }) },
      { weight: 2, arbitrary: fc.constant(calm) },
      { weight: 1, arbitrary: lossyPromotions },
    ),
    { minLength: 2, maxLength: 14 },
  )
  .map((parts) => parts.flat())
