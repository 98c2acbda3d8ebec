import { beforeEach, expect, test } from 'vitest'
import { liveLink } from '../testing/live-link.ts'
import { LinkMemory, linkKeyOf } from './link-memory.ts'

const code = 'aB3dE5g'
const key = linkKeyOf(1, code)
const nowMs = 1_700_000_000_000
let memory: LinkMemory

beforeEach(() => {
  memory = new LinkMemory({ bytesMax: 10_000, absencesMax: 2 })
})

test('absences are bounded, the oldest goes first', () => {
  for (const guess of ['a', 'b', 'c']) memory.setAbsent(guess, nowMs, undefined)
  expect(memory.absent('a', nowMs)).toBeUndefined()
  expect(memory.absent('c', nowMs)).toBeDefined()
})

test('the feed updates a link that is in memory and inserts none', () => {
  memory.change(key, { copy: liveLink(code, 2), asOfMs: nowMs })
  expect(memory.get(key)).toBeUndefined()
  memory.offer(key, { copy: liveLink(code, 2), asOfMs: nowMs }, memory.epoch)
  memory.change(key, { copy: liveLink(code, 3), asOfMs: nowMs - 50 })
  expect(memory.get(key)).toMatchObject({ copy: { version: 3 }, asOfMs: nowMs - 50 })
  memory.change(key, { copy: liveLink(code, 1), asOfMs: nowMs })
  expect(memory.get(key)).toMatchObject({ copy: { version: 3 }, asOfMs: nowMs - 50 })
})

test('a read that began before the gap does not count as confirmed after it', () => {
  const before = memory.epoch
  memory.markAllNotFresh()
  memory.offer(key, { copy: liveLink(code, 1), asOfMs: nowMs }, before)
  expect(memory.isFresh(memory.get(key)!, nowMs)).toBe(false)
})

test('memory is bounded in bytes, and long targets count for what they are', () => {
  for (let index = 0; index < 100; index += 1) {
    const copy = liveLink(`code${index}`, 1, { targetUrl: `https://example.com/${'x'.repeat(1_000)}` })
    memory.offer(copy.code, { copy, asOfMs: nowMs }, memory.epoch)
  }
  expect(memory.bytes).toBeLessThanOrEqual(10_000)
  expect(memory.size).toBeLessThan(5)
  expect(memory.evictions).toBeGreaterThan(90)
})
