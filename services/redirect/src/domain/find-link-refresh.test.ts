/** A copy in memory is read anew before it is no longer fresh, and whoever asks meanwhile waits for nobody. */
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, expect, test } from 'vitest'
import type { KnownCopy, Reading } from '../ports.ts'
import { createFindLink, type FindLink } from './find-link.ts'
import { LinkMemory, linkKeyOf } from './link-memory.ts'
import { VersionFloors } from './version-floors.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const copyOf = (version: number, targetUrl?: string) =>
  liveLink(code, version, targetUrl === undefined ? {} : { targetUrl })

let nowMs: number
let redis: KnownCopy | undefined
let primary: Reading | undefined
let asked: string[]
/** What happens while Redis is asked. */
let meanwhile: () => void
let memory: LinkMemory
let floors: VersionFloors
let findLink: FindLink

beforeEach(async () => {
  nowMs = 1_700_000_000_000
  asked = []
  meanwhile = () => {}
  memory = new LinkMemory({ bytesMax: 1_000_000, absencesMax: 2 })
  floors = new VersionFloors(100)
  findLink = createFindLink({
    memory,
    floors,
    clock: () => nowMs,
    cache: {
      async read() {
        asked.push('redis')
        meanwhile()
        return redis
      },
      fill: async () => undefined,
    },
    replicas: { read: async () => void asked.push('replica') },
    authority: {
      async resolve() {
        asked.push('primary')
        return primary
      },
    },
  })
  redis = { copy: copyOf(3), asOfMs: nowMs }
  await findLink(1, code)
  nowMs += 7_000
  redis = { copy: copyOf(3), asOfMs: nowMs }
  primary = { copy: copyOf(9), asOfMs: nowMs }
  asked = []
})

/** Asks once, which is answered from memory, and lets the refresh end. */
async function refresh(): Promise<void> {
  expect(findLink(1, code)).toMatchObject({ source: 'memory', known: { copy: { version: 3 } } })
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate)
}

test('Redis has the same version, known to be current now: nobody else is asked', async () => {
  await refresh()
  expect(asked).toEqual(['redis'])
  expect(memory.get(key)).toMatchObject({ asOfMs: nowMs, copy: copyOf(3) })
  nowMs += 5_999
  expect(findLink(1, code)).toMatchObject({ source: 'memory' })
  expect(asked).toEqual(['redis'])
})

test('Redis has a newer version: it is taken, and Redis is not asked twice', async () => {
  redis = { copy: copyOf(4, 'https://example.com/moved'), asOfMs: nowMs }
  await refresh()
  expect(asked).toEqual(['redis'])
  expect(memory.get(key)?.copy).toEqual(redis.copy)
})

test('Redis has nothing: the others are asked, and Redis is not asked twice', async () => {
  redis = undefined
  await refresh()
  expect(asked).toEqual(['redis', 'replica', 'primary'])
  expect(memory.get(key)?.copy.version).toBe(9)
})

test('the feed has a gap while Redis is asked: what Redis said does not count as fresh after it', async () => {
  meanwhile = () => memory.markAllNotFresh()
  await refresh()
  expect(memory.isFresh(memory.get(key)!, nowMs)).toBe(false)
})

test('the feed tells of an edit while Redis is asked: what Redis said is not believed', async () => {
  meanwhile = () => floors.tell(key, { timeline: 1, version: 9 }, nowMs)
  await refresh()
  expect(asked).toEqual(['redis', 'replica', 'primary'])
  expect(memory.get(key)?.copy.version).toBe(9)
})
