/** What the feed tells of takes the place of what memory has, and nothing that comes late does. */
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, expect, test } from 'vitest'
import { FeedCover } from './feed-cover.ts'
import { createHeedChanges, type HeedChanges } from './heed-changes.ts'
import { LinkMemory, linkKeyOf, neverFreshEpoch } from './link-memory.ts'
import { VersionFloors } from './version-floors.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const nowMs = 1_700_000_000_000
const copyOf = (version: number) => liveLink(code, version)

let memory: LinkMemory
let heed: HeedChanges

beforeEach(() => {
  const cover = new FeedCover()
  memory = new LinkMemory({ bytesMax: 100_000, absencesMax: 10, cover })
  heed = createHeedChanges({ memory, floors: new VersionFloors(10), cover, clock: () => nowMs })
})

const isFresh = () => memory.isFresh(memory.get(key)!, nowMs)

test('a change takes the place of the copy that memory has, and is fresh', () => {
  memory.offer(key, { copy: copyOf(1), asOfMs: nowMs - 60_000 }, memory.epoch)
  heed.changed(copyOf(2), nowMs - 100)
  expect(memory.get(key)).toMatchObject({ copy: copyOf(2), asOfMs: nowMs - 100 })
  expect(isFresh()).toBe(true)
})

test('a change puts nothing into memory that was not there', () => {
  heed.changed(copyOf(2), nowMs)
  expect(memory.size).toBe(0)
})

test('a change of a primary whose clock runs ahead counts as of now', () => {
  memory.offer(key, { copy: copyOf(1), asOfMs: nowMs }, memory.epoch)
  heed.changed(copyOf(2), nowMs + 3_000)
  expect(memory.get(key)?.asOfMs).toBe(nowMs)
})

test.each([
  ['the same version', 1],
  ['a later one', 2],
])('told late of what was replaced: what memory has for want of better stays so (%s)', (_what, version) => {
  heed.changed(copyOf(3), nowMs)
  memory.offer(key, { copy: copyOf(1), asOfMs: nowMs - 200 }, neverFreshEpoch)
  heed.changed(copyOf(version), nowMs - 200)
  expect(memory.get(key)?.copy.version).toBe(1)
  expect(isFresh()).toBe(false)
})

test('told so late that what was told since may be forgotten: it is kept, and not fresh', () => {
  memory.offer(key, { copy: copyOf(1), asOfMs: nowMs - 20_000 }, neverFreshEpoch)
  heed.changed(copyOf(1), nowMs - 10_000)
  expect(memory.get(key)?.epoch).toBe(neverFreshEpoch)
  heed.changed(copyOf(2), nowMs - 10_000)
  expect(memory.get(key)).toMatchObject({ copy: copyOf(2), epoch: neverFreshEpoch })
})

test('told again of the newest: what memory has of it is current', () => {
  heed.changed(copyOf(3), nowMs - 200)
  memory.offer(key, { copy: copyOf(3), asOfMs: nowMs - 200 }, neverFreshEpoch)
  heed.changed(copyOf(3), nowMs - 200)
  expect(isFresh()).toBe(true)
})

test('after a gap nothing is fresh that was learned before it', () => {
  memory.offer(key, { copy: copyOf(1), asOfMs: nowMs }, memory.epoch)
  expect(isFresh()).toBe(true)
  heed.gap()
  expect(isFresh()).toBe(false)
})
