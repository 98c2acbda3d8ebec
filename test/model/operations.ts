/** What can happen, and how often. */
import fc from 'fast-check'
import { type PublishFate, partitionCount } from './feed.ts'
import type { Change } from './primary.ts'
import { codes, redirectCount, replicaCount } from './world.ts'

export type Operation =
  | { readonly kind: 'pass'; readonly ms: number }
  /** The whole machine stands still: deadlines come no nearer. */
  | { readonly kind: 'sleep'; readonly ms: number }
  | {
      readonly kind: 'request'
      readonly redirect: number
      readonly code: string
      readonly isPatient: boolean
    }
  | {
      readonly kind: 'write'
      readonly code: string
      readonly change: Change
      readonly isSlow: boolean
      readonly writeThrough: 'now' | 'late' | 'never'
    }
  | { readonly kind: 'commit'; readonly writeThrough: 'now' | 'late' | 'never' }
  | { readonly kind: 'step'; readonly place: number }
  | { readonly kind: 'drain' }
  | { readonly kind: 'replay'; readonly replica: number; readonly records: number }
  | { readonly kind: 'switch'; readonly what: 'redis' | 'primary' | 'replicas'; readonly isUp: boolean }
  | { readonly kind: 'redis'; readonly what: 'flush' | 'replicate' | 'failOver' | 'evictOldest' }
  | {
      readonly kind: 'feed'
      readonly what: 'deliver' | 'lose' | 'rejoin' | 'repeat' | 'land'
      readonly redirect: number
      readonly partition: number
      readonly records: number
    }
  | {
      readonly kind: 'relay'
      readonly what: 'beat' | 'take' | 'apply' | 'round' | 'freeze' | 'takeOver' | 'wake'
      readonly calls: number
      readonly fate: PublishFate | undefined
    }
  | { readonly kind: 'well' }

const is = <const T>(value: T) => fc.constant(value)
const below = (bound: number) => fc.nat({ max: bound - 1 })
// Mostly one code: what matters happens to one link, and the others drive it out of memory.
const code = fc.oneof(
  { weight: 3, arbitrary: is(codes[0]) },
  { weight: 1, arbitrary: fc.constantFrom(...codes) },
)
const writeThrough = fc.constantFrom('now', 'late', 'never')

const pass = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 4, arbitrary: fc.integer({ min: 100, max: 1_500 }) },
  { weight: 3, arbitrary: fc.integer({ min: 2_000, max: 12_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(61_000, 86_400_000) },
)

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: is('pass'), ms: pass }) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: is('request'),
      redirect: below(redirectCount),
      code,
      isPatient: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: is('write'),
      code,
      change: fc.constantFrom<Change>('create', 'create', 'edit', 'delete'),
      isSlow: fc.oneof({ weight: 4, arbitrary: is(false) }, { weight: 1, arbitrary: is(true) }),
      writeThrough,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: is('commit'), writeThrough }) },
  { weight: 6, arbitrary: fc.record({ kind: is('step'), place: below(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: is('drain') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: is('replay'),
      replica: below(replicaCount),
      records: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: is('switch'),
      what: fc.constantFrom('redis', 'primary', 'replicas'),
      isUp: fc.oneof({ weight: 2, arbitrary: is(true) }, { weight: 1, arbitrary: is(false) }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: is('redis'),
      what: fc.constantFrom('flush', 'replicate', 'failOver', 'evictOldest'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: is('feed'),
      what: fc.constantFrom('deliver', 'deliver', 'deliver', 'lose', 'rejoin', 'repeat', 'land'),
      redirect: below(redirectCount),
      partition: below(partitionCount),
      records: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: is('relay'),
      what: fc.oneof(
        { weight: 10, arbitrary: fc.constantFrom('beat', 'take', 'apply', 'round') },
        { weight: 3, arbitrary: fc.constantFrom('freeze', 'takeOver', 'wake') },
      ),
      calls: below(140),
      fate: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom('acknowledged', undefined) },
        { weight: 1, arbitrary: fc.constantFrom('unheard', 'late') },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: is('well') }) },
  { weight: 1, arbitrary: fc.record({ kind: is('sleep'), ms: fc.constantFrom(30_000, 86_400_000) }) },
)

const operationsMax = 100

/** A history begins in a fleet that has been well for a while, or has just been started. */
const beginnings = fc.constantFrom<Operation[]>([], [{ kind: 'well' }, { kind: 'well' }])
export const histories = fc
  .tuple(beginnings, fc.array(operation, { minLength: 10, maxLength: operationsMax, size: 'max' }))
  .map(([beginning, history]) => [...beginning, ...history])
