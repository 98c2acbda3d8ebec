/** A copy in memory is read anew before it is no longer fresh, and whoever asks meanwhile waits for nobody. */
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, expect, test } from 'vitest'
import { createLinkFinder, type LinkFinder } from '../testing/link-finder.ts'
import { linkKeyOf } from './link-memory.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const copyOf = (version: number, targetUrl?: string) =>
  liveLink(code, version, targetUrl === undefined ? {} : { targetUrl })

let world: LinkFinder

beforeEach(async () => {
  world = createLinkFinder()
  world.redis = { copy: copyOf(3), asOfMs: world.nowMs }
  await world.findLink(1, code)
  world.nowMs += 8_000
  world.redis = { copy: copyOf(3), asOfMs: world.nowMs }
  world.primary = { copy: copyOf(9), asOfMs: world.nowMs }
  world.asked = []
})

/** Asks once, which is answered from memory, and lets the refresh end. */
async function refresh(): Promise<void> {
  expect(world.findLink(1, code)).toMatchObject({ source: 'memory', known: { copy: { version: 3 } } })
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate)
}

test('Redis has the same version, known to be current now: nobody else is asked', async () => {
  await refresh()
  expect(world.asked).toEqual(['redis'])
  expect(world.memory.get(key)).toMatchObject({ asOfMs: world.nowMs, copy: copyOf(3) })
  world.nowMs += 7_000
  expect(world.findLink(1, code)).toMatchObject({ source: 'memory' })
  expect(world.asked).toEqual(['redis'])
})

test('Redis has a newer version: it is taken, and Redis is not asked twice', async () => {
  world.redis = { copy: copyOf(4, 'https://example.com/moved'), asOfMs: world.nowMs }
  await refresh()
  expect(world.asked).toEqual(['redis'])
  expect(world.memory.get(key)?.copy).toEqual(world.redis.copy)
})

test('Redis has nothing: the others are asked, and Redis is not asked twice', async () => {
  world.redis = undefined
  await refresh()
  expect(world.asked).toEqual(['redis', 'replica', 'primary'])
  expect(world.memory.get(key)?.copy.version).toBe(9)
})

test('the feed has a gap while Redis is asked: what Redis said does not count as fresh after it', async () => {
  world.meanwhile = () => world.memory.markAllNotFresh()
  await refresh()
  expect(world.memory.isFresh(world.memory.get(key)!, world.nowMs)).toBe(false)
})

test('the feed tells of an edit while Redis is asked: what Redis said is not believed', async () => {
  world.meanwhile = () => world.floors.tell(key, { timeline: 1, version: 9 }, world.nowMs)
  await refresh()
  expect(world.asked).toEqual(['redis', 'replica', 'primary'])
  expect(world.memory.get(key)?.copy.version).toBe(9)
})

test('links that are due wait for each other, until they are 64', async () => {
  const later: (() => void)[] = []
  world.soon = (refresh) => later.push(refresh)
  const codes = Array.from({ length: 70 }, (_, index) => `due${index}`)
  for (const due of codes) {
    world.redis = { copy: liveLink(due, 3), asOfMs: world.nowMs }
    await world.findLink(1, due)
  }
  world.nowMs += 9_000
  world.asked = []
  const asked = () => world.asked.filter((source) => source === 'redis').length
  for (const [index, due] of codes.entries()) {
    expect(world.findLink(1, due)).toMatchObject({ source: 'memory' })
    expect(asked()).toBe(index < 63 ? 0 : 64)
  }
  expect(later).toHaveLength(1)
  later[0]!()
  expect(asked()).toBe(70)
})
