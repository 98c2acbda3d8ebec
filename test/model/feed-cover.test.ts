/**
 * What the feed confirms by its silence, in the histories in which it could be wrong: each breaks a promise where one part of
 * the code is replaced by a careless one, and none where it is not.
 */
import { createMemoryLinkCache } from '@linkfleet/contracts/testing/memory-link-cache'
import { expect, test } from 'vitest'
import { partitionCount } from './feed.ts'
import { coverMutants } from './mutants.ts'
import type { Operation } from './operations.ts'
import { codes, type Mistakes, World } from './world.ts'

const [code, other, third] = codes
const well: Operation = { kind: 'well' }
const second: Operation = { kind: 'pass', ms: 1_000 }
const round: Operation = { kind: 'relay', what: 'round', calls: 0, fate: 'acknowledged' }
const takeOver: Operation = { kind: 'relay', what: 'takeOver', calls: 0, fate: undefined }
const request: Operation = { kind: 'request', redirect: 0, code, isPatient: true }
const late: Operation = { kind: 'relay', what: 'round', calls: 0, fate: 'late' }
const land: Operation = { kind: 'feed', what: 'land', redirect: 0, partition: 0, records: 0 }

function turn(what: 'redis' | 'replicas' | 'primary', to: 'on' | 'off'): Operation {
  return { kind: 'switch', what, isUp: to === 'on' }
}

function write(one: string, change: 'create' | 'edit', writeThrough: 'now' | 'never' = 'never'): Operation {
  return { kind: 'write', code: one, change, isSlow: false, writeThrough }
}

function feed(what: 'deliver' | 'lose' | 'rejoin', records = 100): Operation[] {
  return Array.from({ length: what === 'rejoin' ? 1 : partitionCount }, (_none, partition) => {
    return { kind: 'feed', what, redirect: 0, partition, records }
  })
}

/** A link, marks that follow each other, and replicas that know of the last of them. */
const beginning: Operation[] = [
  well,
  ...[write(code, 'create'), write(other, 'create'), write(third, 'create'), well],
  ...[second, well, second, well],
]
/** An edit that redirect will not hear of or not remember; replicas do not know it either, and Redis is away. */
const unseenEdit: Operation[] = [turn('redis', 'off'), second, write(code, 'edit')]
/** A second later the feed says what did not change. */
const nextMark: Operation[] = [second, round, ...feed('deliver')]

const histories: Readonly<Record<keyof typeof coverMutants, readonly Operation[]>> = {
  leftOut: [
    ...[...beginning, request, ...nextMark, second],
    ...[write(other, 'edit'), write(other, 'edit'), write(third, 'edit'), write(code, 'edit')],
    ...nextMark,
  ],
  acrossGaps: [
    ...[...beginning, ...unseenEdit, second, round, ...feed('lose', 1), ...feed('deliver')],
    ...[request, ...nextMark],
  ],
  credulous: [
    ...[...beginning, ...unseenEdit, second, round, ...feed('rejoin'), request],
    ...[...nextMark, takeOver, ...nextMark],
  ],
  forgetful: [
    ...[...beginning, ...unseenEdit, second, round],
    ...[write(other, 'edit'), write(third, 'edit'), round, ...feed('deliver')],
    ...[request, ...nextMark],
  ],
}

async function problemsOf(history: readonly Operation[], mistakes: Mistakes): Promise<readonly string[]> {
  const world = new World(createMemoryLinkCache, mistakes)
  for (const one of history) await world.run(one)
  return world.problems
}

test.each(Object.keys(histories) as (keyof typeof histories)[])(
  'marks confirm nothing that changed unheard: %s',
  async (what) => {
    // Room for two: the third change that is told of drives out what is known of the first.
    const floorsMax = what === 'forgetful' ? 2 : 100
    const wrong = await problemsOf(histories[what], { ...coverMutants[what], floorsMax })
    expect(wrong.join()).toContain('memory says that version')
    expect(await problemsOf(histories[what], { floorsMax })).toEqual([])
  },
)

test('a copy that is asked for stays fresh by the marks alone, with all its sources away', async () => {
  const away = (['redis', 'replicas', 'primary'] as const).map((what) => turn(what, 'off'))
  const seconds = Array.from({ length: 25 }, () => nextMark).flat()
  const world = new World(createMemoryLinkCache)
  for (const one of [...beginning, request, ...away, ...seconds, request]) await world.run(one)
  expect(world.problems).toEqual([])
  expect(world.answers).toMatchObject([
    { kind: 'link', source: 'redis', stale: false },
    { kind: 'link', source: 'memory', stale: false },
  ])
})

/** Redis has read the former version when the feed tells of the edit, and nobody else can be asked: it is kept as stale. */
const replacedAndKept: Operation[] = [
  ...[well, second, well, second, well, write(code, 'create', 'now'), late],
  ...[{ kind: 'request', redirect: 0, code, isPatient: false } as const, { kind: 'step', place: 0 } as const],
  ...[
    write(code, 'edit', 'now'),
    turn('replicas', 'off'),
    well,
    turn('primary', 'off'),
    { kind: 'drain' } as const,
  ],
]

test('a record that comes late does not make current again what the feed told was replaced', async () => {
  const world = new World(createMemoryLinkCache)
  for (const one of [...replacedAndKept, land, well]) await world.run(one)
  expect(world.problems).toEqual([])
  expect(world.answers).toMatchObject([{ kind: 'link', stale: true }])
})

test('nor one that comes when it is forgotten that the feed told so', async () => {
  const world = new World(createMemoryLinkCache, { floorsMax: 2 })
  const seconds = (count: number) => Array.from({ length: count }, () => [second, well]).flat()
  const history = [
    ...[...replacedAndKept, turn('primary', 'on'), ...seconds(4), write(other, 'create', 'now')],
    ...[...seconds(17), write(third, 'create', 'now'), ...seconds(5), land, land, well, request],
  ]
  for (const one of history) await world.run(one)
  expect(world.problems).toEqual([])
  expect(world.answers.at(-1)).toMatchObject({ kind: 'link', stale: false, known: { copy: { version: 2 } } })
})
