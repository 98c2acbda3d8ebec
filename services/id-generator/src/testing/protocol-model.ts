// The protocol as a model: generators, a primary and lagging standbys in memory, driven by the steps of a schedule.
// The test beside the domain says what must hold; faults can be sown here, to see that the schedules find them.

import { createGenerator, type Generator, type GeneratorOptions } from '../domain/generator.ts'
import type { ProtocolRules } from '../domain/rules.ts'
import type { ShardLedger } from '../ports.ts'
import { GENERATORS, STANDBYS, type Step } from './protocol-schedules.ts'
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
