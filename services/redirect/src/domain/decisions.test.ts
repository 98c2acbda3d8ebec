import { OrphanReason } from '@linkfleet/contracts/clicks'
import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { describe, expect, test } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'
import { isPrefetch, languageOf, referrerHostOf, wantsPage } from './click-details.ts'
import { chooseReplica, withFailure, withProbe } from './replica-choice.ts'
import { resolveLink } from './resolve-link.ts'
import { VersionFloors } from './version-floors.ts'

const nowMs = 1_700_000_000_000
const link = liveLink('abc', 1, { targetUrl: 'https://example.com/' })

describe('what becomes of a link', () => {
  test('a live link answers 302 to its target', () => {
    expect(resolveLink(link, nowMs)).toEqual({
      kind: 'redirect',
      targetUrl: 'https://example.com/',
      status: 302,
    })
  })
  test('a link that expired this millisecond is gone, one that expires in the next is followed', () => {
    expect(resolveLink({ ...link, expiresAtMs: nowMs }, nowMs)).toEqual({
      kind: 'gone',
      reason: OrphanReason.EXPIRED,
    })
    expect(resolveLink({ ...link, expiresAtMs: nowMs + 1 }, nowMs).kind).toBe('redirect')
  })
  test('a link that starts later is not started until then', () => {
    expect(resolveLink({ ...link, startsAtMs: nowMs + 1 }, nowMs)).toEqual({
      kind: 'not-started',
      reason: OrphanReason.NOT_STARTED,
    })
    expect(resolveLink({ ...link, startsAtMs: nowMs }, nowMs).kind).toBe('redirect')
  })
  test('deleted and blocked links are gone, and so is one in a state of a later release', () => {
    expect(resolveLink({ ...link, state: LinkState.DELETED }, nowMs)).toMatchObject({
      reason: OrphanReason.DELETED,
    })
    expect(resolveLink({ ...link, state: LinkState.BLOCKED }, nowMs)).toMatchObject({
      reason: OrphanReason.BLOCKED,
    })
    expect(resolveLink({ ...link, state: 9 as LinkState }, nowMs).kind).toBe('gone')
  })
  test.each([{ maxClicks: 1 }, { passwordProtected: true }, { forwardQuery: true }])(
    'a link with %o leads on after something else',
    (feature) => {
      expect(resolveLink({ ...link, ...feature }, nowMs)).toMatchObject({ kind: 'conditional', status: 302 })
      expect(resolveLink({ ...link, ...feature, expiresAtMs: nowMs }, nowMs).kind).toBe('gone')
    },
  )
  test.each([301, 307, 308])('a link may ask for %i', (status) => {
    expect(resolveLink({ ...link, redirectStatus: status }, nowMs)).toMatchObject({ status })
  })
})

describe('what a request tells of a click', () => {
  test('prefetches are told by Sec-Purpose, Purpose or X-Moz', () => {
    expect(isPrefetch({ 'sec-purpose': 'prefetch;prerender' })).toBe(true)
    expect(isPrefetch({ purpose: 'prefetch' })).toBe(true)
    expect(isPrefetch({ 'x-moz': 'prefetch' })).toBe(true)
    expect(isPrefetch({ 'sec-fetch-mode': 'navigate' })).toBe(false)
  })
  test.each([
    ['https://News.Example.com:8443/a?b#c', 'news.example.com'],
    ['http://user:secret@example.com/', 'example.com'],
    ['http://[2001:db8::1]/x', '[2001:db8::1]'],
    ['android-app://com.example', ''],
    ['not a url', ''],
    ['', ''],
  ])('the referrer %s has the host "%s"', (referer, host) => {
    expect(referrerHostOf({ referer })).toBe(host)
  })
  test.each([
    ['de-CH,de;q=0.9', 'de-CH'],
    [' en;q=0.8', 'en'],
    ['*', ''],
    ['<script>', ''],
  ])('the language of %s is "%s"', (accepted, language) => {
    expect(languageOf({ 'accept-language': accepted })).toBe(language)
  })
  test('browsers get pages, programs do not', () => {
    expect(wantsPage({ accept: 'text/html,application/xhtml+xml,*/*;q=0.8' })).toBe(true)
    expect(wantsPage({ accept: '*/*' })).toBe(false)
    expect(wantsPage({})).toBe(false)
  })
})

describe('a circuit breaker', () => {
  test('lets one call try after each window, and closes on its success', () => {
    const breaker = new CircuitBreaker({ failuresMax: 2, windowMs: 1_000 })
    breaker.failed(0)
    expect(breaker.allows(1)).toBe(true)
    breaker.failed(1)
    expect(breaker.allows(2)).toBe(false)
    expect(breaker.state).toBe('open')
    expect(breaker.allows(1_001)).toBe(true)
    expect(breaker.state).toBe('trying')
    expect(breaker.allows(1_002)).toBe(false)
    breaker.failed(1_050)
    expect(breaker.allows(2_049)).toBe(false)
    expect(breaker.allows(2_050)).toBe(true)
    breaker.succeeded()
    expect(breaker.state).toBe('closed')
    expect(breaker.allows(2_051)).toBe(true)
  })

  test('is not kept open by a clock that is set back', () => {
    const breaker = new CircuitBreaker({ failuresMax: 1, windowMs: 1_000 })
    breaker.failed(nowMs)
    expect(breaker.allows(nowMs + 1)).toBe(false)
    expect(breaker.allows(nowMs - 3_600_000)).toBe(true)
  })
})

describe('the replica to read', () => {
  const fast = { up: true, latencyMs: 1, beatAtMs: nowMs - 20_000 }
  const slow = { up: true, latencyMs: 9, beatAtMs: nowMs - 1_000 }
  const down = { up: false, latencyMs: 0.1, beatAtMs: nowMs }
  test('is the fastest of those less than ten seconds behind', () => {
    expect(chooseReplica([fast, slow, down], nowMs, false)).toBe(1)
    expect(chooseReplica([{ ...fast, beatAtMs: nowMs - 9_999 }, slow], nowMs, false)).toBe(0)
    expect(chooseReplica([fast, down], nowMs, false)).toBe(-1)
  })
  test('is the one that follows best when lag does not matter', () => {
    expect(chooseReplica([fast, { ...slow, beatAtMs: nowMs - 30_000 }, down], nowMs, true)).toBe(0)
  })
  test('moves with the average latency, and comes back by a probe only', () => {
    let health = withProbe({ up: false, latencyMs: 0, beatAtMs: 0 }, 10, nowMs)
    expect(health.latencyMs).toBe(10)
    health = withProbe(health, 20, nowMs - 5)
    expect(health).toEqual({ up: true, latencyMs: 12, beatAtMs: nowMs })
    expect(chooseReplica([withFailure(health)], nowMs, false)).toBe(-1)
  })
})

test('floors are bounded: the oldest goes first, and a told version never sinks', () => {
  const floors = new VersionFloors(2)
  floors.tell('a', { timeline: 1, version: 5 }, nowMs)
  floors.tell('a', { timeline: 1, version: 3 }, nowMs)
  expect(floors.get('a', nowMs)).toMatchObject({ version: 5 })
  floors.tell('b', { timeline: 1, version: 1 }, nowMs)
  floors.tell('c', { timeline: 1, version: 1 }, nowMs)
  expect(floors.size).toBe(2)
  expect(floors.get('a', nowMs)).toBeUndefined()
})
