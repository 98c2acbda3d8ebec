/**
 * A model of all that happens to a click between its answer and its count: any order of writes, crashes, losses of power,
 * frozen processes, lost, late and repeated messages. Whatever happens: acknowledged ≤ counted ≤ attempted, and no click
 * is counted twice. That the model would notice is shown by bugs put into the code, each of which it must find.
 */
import { testRuns, testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noDisasters, spoolBugs, type Weights, type What, weights } from '../../testing/spool-bugs.ts'
import { loadWithBug, type SpoolCode } from '../../testing/spool-code.ts'
import { type Fate, keptMs, type Process, SpoolWorld, type WorldBug } from '../../testing/spool-world.ts'
import { planAdoption } from './adoption.ts'
import { requireAcknowledged } from './send-batch.ts'
import { SpoolSender } from './spool-sender.ts'

const realCode: SpoolCode = { planAdoption, SpoolSender, requireAcknowledged }

/** So many histories may go by before one shows the bug; most take a few. */
const bugRunsMax = 5_000

const fates: readonly Fate[] = [
  'acknowledged',
  'acknowledged',
  'acknowledged',
  'unanswered',
  'lost',
  'late',
  'twice',
  'answer without the partition',
]
interface Happening {
  readonly what: What
  readonly which: number
  /** From 0 to 1. */
  readonly much: number
}

function historyOf(emphasis: Weights): fc.Arbitrary<Happening[]> {
  const weighted = Object.entries({ ...weights, ...emphasis }).map(([what, weight]) => ({
    weight,
    arbitrary: fc.constant(what as What),
  }))
  const happening = fc.record({
    what: fc.oneof(...weighted),
    which: fc.nat(11),
    much: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  })
  return fc.array(happening, { minLength: 20, maxLength: 250, size: 'max' })
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(1, from.length)]
}

/** What steps threw, which those of a bug may do. */
const thrown: unknown[] = []

function step(owner: Process, sender: SpoolSender | undefined): void {
  if (sender === undefined || owner.stepping.has(sender)) return
  owner.stepping.add(sender)
  void sender.step(true, keptMs).then(
    () => owner.stepping.delete(sender),
    (cause) => thrown.push(cause),
  )
}

const awake = (world: SpoolWorld) => world.processes.filter(({ frozen }) => !frozen)

const effects: Record<What, (world: SpoolWorld, which: number, much: number) => void> = {
  start(world, which) {
    if (world.processes.length < 3) world.start(2 + (which % 3))
  },
  append(world, which, much) {
    const process = pick(awake(world), which)
    if (process) world.append(process, 1 + Math.floor(much * 5))
  },
  tear(world, which, much) {
    const process = pick(awake(world), which)
    if (process) world.append(process, 1 + Math.floor(much * 5), true)
  },
  rotate(world, which) {
    const process = pick(awake(world), which)
    if (process) world.rotate(process)
  },
  step(world, which, much) {
    const process = pick(awake(world), which)
    const senders = [...(process?.senders.values() ?? [])]
    if (process) step(process, pick(senders, Math.floor(much * 12)))
  },
  disk(world, which, much) {
    const waiting = pick(
      world.disk.filter(({ process }) => !process.frozen),
      which,
    )
    if (waiting) world.settleDisk(waiting, much < 0.9)
  },
  network(world, which, much) {
    const message = pick(
      world.network.filter(({ process }) => !process.frozen),
      which,
    )
    if (message) world.settleNetwork(message, fates[Math.floor(much * fates.length)]!)
  },
  late(world, which, much) {
    const message = pick(world.late, which)
    if (message === undefined) return
    world.topic.deliver(message.partition, message.value)
    if (much < 0.5) world.late.splice(world.late.indexOf(message), 1)
  },
  kill(world, which, much) {
    const process = pick(world.processes, which)
    if (process) world.kill(process, much < 0.5)
  },
  adopt(world, which) {
    const process = pick(awake(world), which)
    if (process) world.adopt(process)
  },
  freeze(world, which) {
    const process = pick(world.processes, which)
    if (process) process.frozen = true
  },
  wake(world, which) {
    const process = pick(world.processes, which)
    if (process) process.frozen = false
  },
  pass: (world, _which, much) =>
    world.pass(Math.floor(much < 0.6 ? much * 2_500 : (much - 0.6) * 4 * keptMs)),
  setClock: (world, _which, much) => {
    world.wallMs += (much - 0.5) * 48 * 3_600_000
  },
  sync: (world) => world.sync(),
  losePower: (world, _which, much) => world.losePower(much),
  damage: (world, which, much) => world.damage(which, much),
  read: (world) => world.topic.read(),
}

const settled = () => new Promise(setImmediate)

/** Everything ends, one process starts, nothing fails any more: what there is must come to be counted. */
async function drain(world: SpoolWorld): Promise<void> {
  for (const process of [...world.processes]) world.kill(process)
  const last = world.start(2)
  for (let round = 0; round < 400 && world.segmentsLeft > 1; round += 1) {
    for (const sender of last.senders.values()) step(last, sender)
    await settled()
    for (const waiting of world.disk) world.settleDisk(waiting, true)
    for (const message of world.network) world.settleNetwork(message, 'acknowledged')
    await settled()
    world.pass(4_000)
  }
  for (const { partition, value } of world.late) world.topic.deliver(partition, value)
  world.topic.read()
}

async function live(spoolCode: SpoolCode, happenings: readonly Happening[], bug?: WorldBug): Promise<void> {
  const world = new SpoolWorld(spoolCode, bug)
  thrown.length = 0
  for (const { what, which, much } of happenings) {
    effects[what](world, which, much)
    await settled()
  }
  await drain(world)
  if (spoolCode === realCode) expect(thrown, 'no step throws').toEqual([])
  expect(new Set(world.topic.counted).size, 'no click is counted twice').toBe(world.topic.counted.length)
  for (const click of world.topic.counted)
    expect(world.attempted, 'counted clicks were attempted').toContain(click)
  const counted = new Set(world.topic.counted)
  const lost = [...world.acknowledged].filter((click) => !counted.has(click) && !world.mayBeLost.has(click))
  expect(lost, 'acknowledged clicks are counted').toEqual([])
  // Only the open segment of the last process is left.
  expect(world.segmentsLeft, 'what was sent is removed').toBe(1)
}

interface Check {
  readonly code: SpoolCode
  readonly numRuns: number
  readonly bug?: WorldBug
  readonly emphasis?: Weights
}

const check = ({ code, numRuns, bug, emphasis = {} }: Check) =>
  fc.assert(
    fc.asyncProperty(historyOf(emphasis), (happenings) => live(code, happenings, bug)),
    { seed: testSeed, numRuns, endOnFailure: numRuns === bugRunsMax },
  )

test('whatever happens: acknowledged ≤ counted ≤ attempted, and no click twice', async () => {
  await check({ code: realCode, numRuns: testRuns(1_000) })
}, 120_000)

describe('a bug is found:', () => {
  test.each(spoolBugs)(
    '$name',
    async (bug) => {
      await using code = await loadWithBug(bug)
      const checking = check({ code, numRuns: bugRunsMax, emphasis: bug.emphasis ?? {} })
      await expect(checking).rejects.toThrow(/Property failed/)
    },
    120_000,
  )

  test('a restart reuses its producer id', async () => {
    const bug = 'a restart reuses its producer id'
    const checking = check({ code: realCode, numRuns: bugRunsMax, bug })
    await expect(checking).rejects.toThrow(/Property failed/)
  }, 120_000)

  test('the lock of a folder is not heeded', async () => {
    const bug = 'the lock of a folder is not heeded'
    const emphasis = { step: 40, disk: 60, network: 30, pass: 10, ...noDisasters }
    const checking = check({ code: realCode, numRuns: bugRunsMax, bug, emphasis })
    await expect(checking).rejects.toThrow(/Property failed/)
  }, 120_000)
})
