import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KnownCopy, Reading } from '../ports.ts'
import { createFindLink, type FindLink, type FoundLink } from './find-link.ts'
import { LinkMemory, linkKeyOf } from './link-memory.ts'
import { VersionFloors } from './version-floors.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const startMs = 1_700_000_000_000

const copyOf = (version: number, more: Partial<LinkCopy> = {}) => liveLink(code, version, more)

let nowMs: number
let redis: KnownCopy | undefined
let replica: Reading | undefined
let lagging: Reading | undefined
let primary: Reading | undefined
let primaryTakesMs: number
let asked: string[]
let fills: KnownCopy[]
let memory: LinkMemory
let floors: VersionFloors
let findLink: FindLink

const find = async (): Promise<FoundLink> => await findLink(1, code)
const ago = (ms: number) => nowMs - ms

beforeEach(() => {
  nowMs = startMs
  redis = undefined
  replica = undefined
  lagging = undefined
  primary = undefined
  primaryTakesMs = 0
  asked = []
  fills = []
  memory = new LinkMemory({ bytesMax: 1_000_000, absencesMax: 2 })
  floors = new VersionFloors(100)
  findLink = createFindLink({
    memory,
    floors,
    clock: () => nowMs,
    cache: {
      async read() {
        asked.push('redis')
        return redis
      },
      async fill(known) {
        fills.push(known)
      },
    },
    replicas: {
      async read(_domainId, _code, anyLag) {
        asked.push(anyLag ? 'lagging' : 'replica')
        return anyLag ? lagging : replica
      },
    },
    authority: {
      async resolve() {
        asked.push('primary')
        nowMs += primaryTakesMs
        return primary
      },
    },
  })
})

describe('the order of sources', () => {
  test('a fresh copy in Redis is followed, and nobody else is asked', async () => {
    redis = { copy: copyOf(1), asOfMs: ago(9_999) }
    expect(await find()).toMatchObject({ kind: 'link', source: 'redis', stale: false })
    expect(asked).toEqual(['redis'])
  })

  test('a copy in Redis known to be current ten seconds ago is passed over', async () => {
    redis = { copy: copyOf(1), asOfMs: ago(10_000) }
    replica = { copy: copyOf(1), asOfMs: ago(500) }
    expect(await find()).toMatchObject({ source: 'replica' })
    expect(fills).toEqual([{ copy: copyOf(1), asOfMs: ago(500) }])
  })

  test('a code that no replica knows is asked of the primary', async () => {
    replica = { copy: undefined, asOfMs: ago(100) }
    primary = { copy: copyOf(7), asOfMs: nowMs }
    expect(await find()).toMatchObject({ kind: 'link', source: 'primary', known: { copy: { version: 7 } } })
  })

  test('memory answers at once and without a promise until ten seconds after asOf', async () => {
    redis = { copy: copyOf(1), asOfMs: ago(1_000) }
    await find()
    nowMs += 4_000
    expect(findLink(1, code)).toMatchObject({ kind: 'link', source: 'memory', stale: false })
    nowMs += 5_000
    redis = undefined
    primary = { copy: copyOf(2), asOfMs: nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 2 } } })
  })

  test('a link that is asked for is read anew in the background before it is no longer fresh', async () => {
    redis = { copy: copyOf(1), asOfMs: nowMs }
    await find()
    nowMs += 6_000
    redis = { copy: copyOf(1), asOfMs: ago(200) }
    expect(findLink(1, code)).toMatchObject({ source: 'memory' })
    await new Promise(setImmediate)
    nowMs += 9_000
    expect(findLink(1, code)).toMatchObject({ source: 'memory', stale: false })
  })

  test('a refresh passes over a copy that would have to be refreshed at once', async () => {
    redis = { copy: copyOf(1), asOfMs: nowMs }
    await find()
    nowMs += 6_500
    asked = []
    primary = { copy: copyOf(1), asOfMs: nowMs }
    await findLink(1, code)
    await new Promise(setImmediate)
    expect(asked).toEqual(['redis', 'replica', 'primary'])
    findLink(1, code)
    expect(asked).toHaveLength(3)
  })
})

describe('no is said on the word of the primary only', () => {
  test('the primary says no: absent, and for one second without asking again', async () => {
    primary = { copy: undefined, asOfMs: nowMs }
    expect(await find()).toEqual({ kind: 'absent' })
    nowMs += 1_000
    expect(findLink(1, code)).toEqual({ kind: 'absent' })
    nowMs += 1
    primary = { copy: copyOf(1), asOfMs: nowMs }
    expect(await find()).toMatchObject({ kind: 'link' })
  })

  test('nobody can say: unknown, never absent', async () => {
    replica = { copy: undefined, asOfMs: ago(100) }
    expect(await find()).toEqual({ kind: 'unknown' })
  })

  test('a tombstone in Redis or on a replica is not believed: the code may have been taken again', async () => {
    redis = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: nowMs }
    replica = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: nowMs }
    primary = { copy: copyOf(3), asOfMs: nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('a tombstone of the primary is an answer for one second', async () => {
    primary = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: nowMs }
    expect(await find()).toMatchObject({ kind: 'link', known: { copy: { state: LinkState.DELETED } } })
    asked = []
    nowMs += 900
    expect(findLink(1, code)).toMatchObject({ known: { copy: { state: LinkState.DELETED } } })
    expect(asked).toEqual([])
    nowMs += 200
    primary = { copy: copyOf(3), asOfMs: nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('the feed tells of a create: the absence is forgotten at once', async () => {
    primary = { copy: undefined, asOfMs: nowMs }
    await find()
    memory.change(key, { copy: copyOf(1), asOfMs: nowMs })
    primary = { copy: copyOf(1), asOfMs: nowMs }
    expect(await find()).toMatchObject({ kind: 'link' })
  })

  test('a tombstone that the feed overtook on its way does not hide the link that took the code', async () => {
    redis = { copy: copyOf(1), asOfMs: nowMs }
    await find()
    nowMs += 11_000
    primary = { copy: copyOf(2, { state: LinkState.DELETED }), asOfMs: nowMs }
    const flight = find()
    memory.change(key, { copy: copyOf(3), asOfMs: nowMs })
    expect(await flight).toMatchObject({ known: { copy: { version: 3 } } })
  })

  test('a no that the feed overtook on its way is not remembered', async () => {
    floors.tell(key, { timeline: 1, version: 5 }, nowMs)
    primary = { copy: undefined, asOfMs: nowMs }
    await find()
    expect(memory.absences).toBe(0)
  })
})

describe('copies are ordered by timeline and version', () => {
  test('an older copy never takes the place of a newer one, however fresh it claims to be', async () => {
    redis = { copy: copyOf(5), asOfMs: nowMs }
    await find()
    nowMs += 11_000
    redis = { copy: copyOf(4), asOfMs: nowMs }
    replica = { copy: copyOf(5), asOfMs: ago(100) }
    expect(await find()).toMatchObject({ source: 'replica', known: { copy: { version: 5 } } })
  })

  test('a later timeline outranks any version of an earlier one', async () => {
    redis = { copy: copyOf(900), asOfMs: ago(11_000) }
    primary = { copy: copyOf(800, { timeline: 2 }), asOfMs: nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 800, timeline: 2 } } })
    redis = { copy: copyOf(901), asOfMs: nowMs }
    memory.markAllNotFresh()
    replica = { copy: copyOf(800, { timeline: 2 }), asOfMs: nowMs }
    expect(await find()).toMatchObject({ known: { copy: { version: 800 } } })
  })

  test('a read below what the feed told of goes to the primary, for sixty seconds', async () => {
    floors.tell(key, { timeline: 1, version: 9 }, nowMs)
    redis = { copy: copyOf(8), asOfMs: nowMs }
    replica = { copy: copyOf(8), asOfMs: nowMs }
    primary = { copy: copyOf(9), asOfMs: nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 9 } } })
    expect(floors.get(key, nowMs + 59_999)).toBeDefined()
    expect(floors.get(key, nowMs + 60_000)).toBeUndefined()
  })

  test('a copy of the primary that the feed overtook on its way is asked for again by the next', async () => {
    floors.tell(key, { timeline: 1, version: 9 }, nowMs)
    primary = { copy: copyOf(8), asOfMs: nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 8 } } })
    primary = { copy: copyOf(9), asOfMs: nowMs }
    expect(await find()).toMatchObject({ source: 'primary', known: { copy: { version: 9 } } })
  })

  test('the no of a primary that a promotion superseded is none', async () => {
    memory.change(linkKeyOf(1, 'another'), { copy: copyOf(3, { timeline: 2 }), asOfMs: nowMs })
    for (const [timeline, kind] of [
      [1, 'unknown'],
      [2, 'absent'],
    ] as const) {
      primary = { copy: undefined, asOfMs: nowMs, timeline }
      expect(await find()).toEqual({ kind })
    }
  })

  test('a copy never gets a later asOf by being copied into memory', async () => {
    redis = { copy: copyOf(1), asOfMs: ago(9_000) }
    await find()
    expect(memory.get(key)?.asOfMs).toBe(ago(9_000))
    nowMs += 1_001
    redis = undefined
    expect(await find()).toMatchObject({ stale: true })
  })

  test('an asOf that lies in our future, from a primary whose clock runs ahead, counts as now', async () => {
    primary = { copy: copyOf(1), asOfMs: nowMs + 60_000 }
    await find()
    expect(memory.get(key)?.asOfMs).toBe(nowMs)
  })
})

describe('a gap in the feed', () => {
  test('marks all of memory not fresh until a source confirms it', async () => {
    redis = { copy: copyOf(1), asOfMs: nowMs }
    await find()
    memory.markAllNotFresh()
    asked = []
    redis = { copy: copyOf(1), asOfMs: nowMs }
    await find()
    expect(asked).toEqual(['redis'])
    expect(findLink(1, code)).toMatchObject({ source: 'memory', stale: false })
  })
})

describe('when nobody can say what is current', () => {
  test('the freshest known copy is followed and marked stale, of memory, Redis and a lagging replica', async () => {
    redis = { copy: copyOf(3), asOfMs: ago(60_000) }
    lagging = { copy: copyOf(4), asOfMs: ago(90_000) }
    expect(await find()).toMatchObject({ kind: 'link', stale: true, known: { copy: { version: 4 } } })
    redis = undefined
    lagging = undefined
    expect(await find()).toMatchObject({ stale: true, known: { copy: { version: 4 } } })
  })

  test('a copy that is older than a day is not followed', async () => {
    redis = { copy: copyOf(3), asOfMs: ago(24 * 60 * 60 * 1_000 + 1) }
    expect(await find()).toEqual({ kind: 'unknown' })
  })

  test('a copy below its floor is followed as stale and never becomes fresh by it', async () => {
    floors.tell(key, { timeline: 1, version: 9 }, nowMs)
    redis = { copy: copyOf(8), asOfMs: nowMs }
    expect(await find()).toMatchObject({ stale: true })
    expect(await find()).toMatchObject({ stale: true })
    primary = { copy: copyOf(9), asOfMs: nowMs }
    expect(await find()).toMatchObject({ stale: false, known: { copy: { version: 9 } } })
  })

  test('a link known to be deleted stays so', async () => {
    redis = { copy: copyOf(3, { state: LinkState.DELETED }), asOfMs: ago(5_000) }
    expect(await find()).toMatchObject({ stale: true, known: { copy: { state: LinkState.DELETED } } })
  })

  test('a no that took longer than a second to come is no answer', async () => {
    primary = { copy: undefined, asOfMs: nowMs }
    primaryTakesMs = 1_001
    expect(await find()).toEqual({ kind: 'unknown' })
  })
})
