// What a schedule does to the model of the protocol: which call goes on next, which answer is lost, who crashes, who
// freezes, which standby is promoted and what it lacks.

import fc from 'fast-check'

export const GENERATORS = 3
export const STANDBYS = 2

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
