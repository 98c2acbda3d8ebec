import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, describe, expect, test } from 'vitest'
import { createLinkFinder, type LinkFinder } from '../testing/link-finder.ts'
import type { FoundLink } from './find-link.ts'
import { linkKeyOf } from './link-memory.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const copyOf = (version: number, more: Partial<LinkCopy> = {}) => liveLink(code, version, more)

let world: LinkFinder

const find = async (): Promise<FoundLink> => await world.findLink(1, code)
const ago = (ms: number) => world.nowMs - ms

beforeEach(() => {
  world = createLinkFinder()
})

describe('the order of sources', () => {
  test('a fresh copy in Redis is followed, and nobody else is asked', async () => {
    world.redis = { copy: copyOf(1), asOfMs: ago(9_999) }
    expect(await find()).toMatchObject({ kind: 'link', source: 'redis', stale: false })
    expect(world.asked).toEqual(['redis'])
  })

  test('a copy in Redis known to be current ten seconds ago is passed over', async () => {
    world.redis = { copy: copyOf(1), asOfMs: ago(10_000) }
    world.replica = { copy: copyOf(1), asOfMs: ago(500) }
    expect(await find()).toMatchObject({ source: 'replica' })
    expect(world.fills).toEqual([{ copy: copyOf(1), asOfMs: ago(500) }])
  })

  test('a code that no replica knows is asked of the primary', async () => {
    world.replica = { copy: undefined, asOfMs: ago(100) }
    world.primary = { copy: copyOf(7), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ kind: 'link', source: 'primary', known: { copy: { version: 7 } } })
  })

  test('memory answers at once and without a promise until ten seconds after asOf', async () => {
    world.redis = { copy: copyOf(1), asOfMs: ago(1_000) }
    await find()
    world.nowMs += 4_000
    expect(world.findLink(1, code)).toMatchObject({ kind: 'link', source: 'memory', stale: false })
    world.nowMs += 5_000
    world.redis = undefined
    world.primary = { copy: copyOf(2), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 2 } } })
  })

  test('a link that is asked for is read anew in the background before it is no longer fresh', async () => {
    world.redis = { copy: copyOf(1), asOfMs: world.nowMs }
    await find()
    world.nowMs += 7_001
    world.redis = { copy: copyOf(1), asOfMs: ago(200) }
    expect(world.findLink(1, code)).toMatchObject({ source: 'memory' })
    await new Promise(setImmediate)
    world.nowMs += 9_000
    expect(world.findLink(1, code)).toMatchObject({ source: 'memory', stale: false })
  })

  test('a refresh passes over a copy that would have to be refreshed at once', async () => {
    world.redis = { copy: copyOf(1), asOfMs: world.nowMs }
    await find()
    world.nowMs += 7_500
    world.asked = []
    world.primary = { copy: copyOf(1), asOfMs: world.nowMs }
    await world.findLink(1, code)
    await new Promise(setImmediate)
    expect(world.asked).toEqual(['redis', 'replica', 'primary'])
    world.findLink(1, code)
    expect(world.asked).toHaveLength(3)
  })
})

describe('no is said on the word of the primary only', () => {
  test('the primary says no: absent, and for one second without asking again', async () => {
    world.primary = { copy: undefined, asOfMs: world.nowMs }
    expect(await find()).toEqual({ kind: 'absent' })
    world.nowMs += 1_000
    expect(world.findLink(1, code)).toEqual({ kind: 'absent' })
    world.nowMs += 1
    world.primary = { copy: copyOf(1), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ kind: 'link' })
  })

  test('nobody can say: unknown, never absent', async () => {
    world.replica = { copy: undefined, asOfMs: ago(100) }
    expect(await find()).toEqual({ kind: 'unknown' })
  })

  test('a tombstone in Redis or on a replica is not believed: the code may have been taken again', async () => {
    world.redis = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: world.nowMs }
    world.replica = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: world.nowMs }
    world.primary = { copy: copyOf(3), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('a tombstone of the primary is an answer for one second', async () => {
    world.primary = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ kind: 'link', known: { copy: { state: LinkState.DELETED } } })
    world.asked = []
    world.nowMs += 900
    expect(world.findLink(1, code)).toMatchObject({ known: { copy: { state: LinkState.DELETED } } })
    expect(world.asked).toEqual([])
    world.nowMs += 200
    world.primary = { copy: copyOf(3), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('the feed tells of a create: the absence is forgotten at once', async () => {
    world.primary = { copy: undefined, asOfMs: world.nowMs }
    await find()
    world.memory.change(key, { copy: copyOf(1), asOfMs: world.nowMs }, world.memory.epoch)
    world.primary = { copy: copyOf(1), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ kind: 'link' })
  })

  test('a tombstone that the feed overtook on its way does not hide the link that took the code', async () => {
    world.redis = { copy: copyOf(1), asOfMs: world.nowMs }
    await find()
    world.nowMs += 11_000
    world.primary = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: world.nowMs }
    const flight = find()
    world.memory.change(key, { copy: copyOf(3), asOfMs: world.nowMs }, world.memory.epoch)
    expect(await flight).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('a tombstone that the feed overtook on its way is not kept as what is current', async () => {
    world.floors.tell(key, { timeline: 1, version: 3 }, world.nowMs)
    world.primary = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: world.nowMs }
    await find()
    expect(world.memory.isFresh(world.memory.get(key)!, world.nowMs)).toBe(false)
    expect(world.memory.absences).toBe(0)
  })

  test('a no that the feed overtook on its way is not remembered', async () => {
    world.floors.tell(key, { timeline: 1, version: 5 }, world.nowMs)
    world.primary = { copy: undefined, asOfMs: world.nowMs }
    await find()
    expect(world.memory.absences).toBe(0)
  })
})

test('what the primary said before the machine slept is not followed as current after it: all are asked again', async () => {
  world.primary = { copy: copyOf(1), asOfMs: world.nowMs }
  world.primaryTakesMs = 30_000
  const flight = find()
  world.meanwhile = () => {
    world.primary = { copy: copyOf(2), asOfMs: world.nowMs }
    world.primaryTakesMs = 0
  }
  expect(await flight).toMatchObject({ source: 'primary', stale: false, known: { copy: { version: 2 } } })
  expect(world.asked).toEqual(['redis', 'replica', 'primary', 'redis', 'replica', 'primary'])
})

describe('copies are ordered by timeline and version', () => {
  test('an older copy never takes the place of a newer one, however fresh it claims to be', async () => {
    world.redis = { copy: copyOf(5), asOfMs: world.nowMs }
    await find()
    world.nowMs += 11_000
    world.redis = { copy: copyOf(4), asOfMs: world.nowMs }
    world.replica = { copy: copyOf(5), asOfMs: ago(100) }
    expect(await find()).toMatchObject({ source: 'replica', known: { copy: { version: 5 } } })
  })

  test('a later timeline outranks any version of an earlier one', async () => {
    world.redis = { copy: copyOf(900), asOfMs: ago(11_000) }
    world.primary = { copy: copyOf(800, { timeline: 2 }), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 800, timeline: 2 } } })
    world.redis = { copy: copyOf(901), asOfMs: world.nowMs }
    world.memory.markAllNotFresh()
    world.replica = { copy: copyOf(800, { timeline: 2 }), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 800 } } })
  })

  test('a read below what the feed told of goes to the primary, for sixty seconds', async () => {
    world.floors.tell(key, { timeline: 1, version: 9 }, world.nowMs)
    world.redis = { copy: copyOf(8), asOfMs: world.nowMs }
    world.replica = { copy: copyOf(8), asOfMs: world.nowMs }
    world.primary = { copy: copyOf(9), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 9 } } })
    expect(world.floors.get(key, world.nowMs + 59_999)).toBeDefined()
    expect(world.floors.get(key, world.nowMs + 60_000)).toBeUndefined()
  })

  test('a copy of the primary that the feed overtook on its way is asked for again by the next', async () => {
    world.floors.tell(key, { timeline: 1, version: 9 }, world.nowMs)
    world.primary = { copy: copyOf(8), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 8 } } })
    world.primary = { copy: copyOf(9), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 9 } } })
  })

  test('the no of a primary that a promotion superseded is none', async () => {
    world.memory.change(
      linkKeyOf(1, 'another'),
      { copy: copyOf(3, { timeline: 2 }), asOfMs: world.nowMs },
      world.memory.epoch,
    )
    for (const [timeline, kind] of [
      [1, 'unknown'],
      [2, 'absent'],
    ] as const) {
      world.primary = { copy: undefined, asOfMs: world.nowMs, timeline }
      expect(await find()).toEqual({ kind })
    }
  })

  test('a copy never gets a later asOf by being copied into memory', async () => {
    world.redis = { copy: copyOf(1), asOfMs: ago(9_000) }
    await find()
    expect(world.memory.get(key)?.asOfMs).toBe(ago(9_000))
    world.nowMs += 1_001
    world.redis = undefined
    expect(await find()).toMatchObject({ stale: true })
  })

  test('an asOf that lies in our future, from a primary whose clock runs ahead, counts as now', async () => {
    world.primary = { copy: copyOf(1), asOfMs: world.nowMs + 60_000 }
    await find()
    expect(world.memory.get(key)?.asOfMs).toBe(world.nowMs)
  })
})

describe('a gap in the feed', () => {
  test('marks all of memory not fresh until a source confirms it', async () => {
    world.redis = { copy: copyOf(1), asOfMs: world.nowMs }
    await find()
    world.memory.markAllNotFresh()
    world.asked = []
    world.redis = { copy: copyOf(1), asOfMs: world.nowMs }
    await find()
    expect(world.asked).toEqual(['redis'])
    expect(world.findLink(1, code)).toMatchObject({ source: 'memory', stale: false })
  })
})

describe('when nobody can say what is current', () => {
  test('the freshest known copy is followed and marked stale, of memory, Redis and a lagging replica', async () => {
    world.redis = { copy: copyOf(3), asOfMs: ago(60_000) }
    world.lagging = { copy: copyOf(4), asOfMs: ago(90_000) }
    expect(await find()).toMatchObject({ kind: 'link', stale: true, known: { copy: { version: 4 } } })
    world.redis = undefined
    world.lagging = undefined
    expect(await find()).toMatchObject({ stale: true, known: { copy: { version: 4 } } })
  })

  test('a copy that is older than a day is not followed', async () => {
    world.redis = { copy: copyOf(3), asOfMs: ago(24 * 60 * 60 * 1_000 + 1) }
    expect(await find()).toEqual({ kind: 'unknown' })
  })

  test('a copy below its floor is followed as stale and never becomes fresh by it', async () => {
    world.floors.tell(key, { timeline: 1, version: 9 }, world.nowMs)
    world.redis = { copy: copyOf(8), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ stale: true })
    expect(await find()).toMatchObject({ stale: true })
    world.primary = { copy: copyOf(9), asOfMs: world.nowMs }
    expect(await find()).toMatchObject({ stale: false, known: { copy: { version: 9 } } })
  })

  test('a link known to be deleted stays so', async () => {
    world.redis = { copy: copyOf(3, { state: LinkState.DELETED }), asOfMs: ago(5_000) }
    expect(await find()).toMatchObject({ stale: true, known: { copy: { state: LinkState.DELETED } } })
  })

  test('a no that took longer than a second to come is no answer', async () => {
    world.primary = { copy: undefined, asOfMs: world.nowMs }
    world.primaryTakesMs = 1_001
    expect(await find()).toEqual({ kind: 'unknown' })
  })
})
