import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
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
  memory.change(key, { copy: liveLink(code, 2), asOfMs: nowMs }, memory.epoch)
  expect(memory.get(key)).toBeUndefined()
  memory.offer(key, { copy: liveLink(code, 2), asOfMs: nowMs }, memory.epoch)
  memory.change(key, { copy: liveLink(code, 3), asOfMs: nowMs - 50 }, memory.epoch)
  expect(memory.get(key)).toMatchObject({ copy: { version: 3 }, asOfMs: nowMs - 50 })
  memory.change(key, { copy: liveLink(code, 1), asOfMs: nowMs }, memory.epoch)
  expect(memory.get(key)).toMatchObject({ copy: { version: 3 }, asOfMs: nowMs - 50 })
})

test('the order of a link is that of the copy that is kept', () => {
  expect(memory.order(key)).toBeUndefined()
  memory.offer(key, { copy: liveLink(code, 3), asOfMs: nowMs }, memory.epoch)
  memory.offer(key, { copy: liveLink(code, 2), asOfMs: nowMs }, memory.epoch)
  expect(memory.order(key)).toEqual({ timeline: 1, version: 3 })
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
  expect(memory.size * 1_000).toBeLessThan(memory.bytes)
  expect(memory.evictions).toBeGreaterThan(90)
})

test('a copy comes out of memory as it went in, whatever it says', () => {
  const large = new LinkMemory({ bytesMax: 1_000_000, absencesMax: 2 })
  const time = fc.oneof(fc.constant(0), fc.nat())
  const details = fc.record({
    domainId: fc.constantFrom(1, 1, 1, 7),
    version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    timeline: fc.nat(),
    state: fc.constantFrom(LinkState.LIVE, LinkState.LIVE, LinkState.DELETED, LinkState.BLOCKED),
    targetUrl: fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string({ unit: 'grapheme' })),
    redirectStatus: fc.constantFrom(0, 301, 302, 307, 308),
    forwardQuery: fc.boolean(),
    startsAtMs: time,
    expiresAtMs: time,
    maxClicks: time,
    passwordProtected: fc.boolean(),
    passwordVerifier: fc.constantFrom('', 'scrypt:verifier'),
  })
  const wanted = fc.record({ plain: fc.boolean(), code: fc.stringMatching(/^[A-Za-z0-9_-]{1,60}$/), details })
  fc.assert(
    fc.property(wanted, fc.nat(), ({ plain, code, details }, asOfMs) => {
      const { version, timeline, targetUrl, redirectStatus } = details
      const copy = liveLink(code, version, plain ? { timeline, targetUrl, redirectStatus } : details)
      const key = linkKeyOf(copy.domainId, code)
      if (large.get(key) !== undefined) return
      large.offer(key, { copy, asOfMs }, 3)
      expect(large.get(key)).toEqual({ copy, asOfMs, epoch: 3, refreshedAtMs: 0 })
    }),
    { numRuns: 500 },
  )
})

test('of one version the later word on its password is kept: its first writer may not have known it', () => {
  const guarded = { passwordProtected: true }
  memory.offer(key, { copy: liveLink(code, 1, guarded), asOfMs: nowMs }, memory.epoch)
  const told = liveLink(code, 1, { ...guarded, passwordVerifier: 'scrypt:verifier' })
  memory.offer(key, { copy: told, asOfMs: nowMs - 1 }, memory.epoch)
  expect(memory.get(key)).toMatchObject({ copy: told, asOfMs: nowMs })
})

test('what was read anew keeps its place, and the later of both moments', () => {
  memory.offer(key, { copy: liveLink(code, 1), asOfMs: nowMs }, memory.epoch)
  memory.refreshing(key, nowMs + 5)
  memory.offer(key, { copy: liveLink(code, 1), asOfMs: nowMs + 9 }, memory.epoch)
  memory.offer(key, { copy: liveLink(code, 1), asOfMs: nowMs + 7 }, memory.epoch)
  expect(memory.get(key)).toMatchObject({ asOfMs: nowMs + 9, refreshedAtMs: nowMs + 5 })
  expect(memory.size).toBe(1)
})

test('the place of a link that went keeps nothing of it for the next one', () => {
  const small = new LinkMemory({ bytesMax: 2_000, absencesMax: 2 })
  for (let index = 0; index < 50; index += 1) {
    const copy = liveLink(`code${index}`, 1, { targetUrl: 'x'.repeat(200) })
    small.offer(copy.code, { copy, asOfMs: nowMs }, small.epoch)
    small.offer(copy.code, { copy, asOfMs: nowMs }, small.epoch)
    if (small.get(copy.code) === undefined) continue
    expect(small.get(copy.code)?.refreshedAtMs).toBe(0)
    small.refreshing(copy.code, nowMs)
  }
  expect(small.evictions).toBeGreaterThan(0)
})

test('the feed confirms what was learned since its last gap, on the newest timeline, and nothing else', () => {
  const confirming = new LinkMemory({ bytesMax: 10_000, absencesMax: 2, cover: { knownAtMs: () => nowMs } })
  const asOfMs = nowMs - 20_000
  const offer = (timeline: number) =>
    confirming.offer(key, { copy: liveLink(code, 3, { timeline }), asOfMs }, confirming.epoch)
  offer(1)
  expect(confirming.get(key)?.asOfMs).toBe(nowMs)
  confirming.markAllNotFresh()
  expect(confirming.get(key)?.asOfMs).toBe(asOfMs)
  offer(1)
  expect(confirming.get(key)?.asOfMs).toBe(nowMs)
  confirming.change('another', { copy: liveLink('another', 4, { timeline: 2 }), asOfMs }, confirming.epoch)
  expect(confirming.get(key)?.asOfMs).toBe(asOfMs)
})
