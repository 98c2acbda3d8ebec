import { testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LinkState } from './generated/linkfleet/links/v1/links.ts'
import { hashTagOf } from './partition.ts'
import {
  createRedisLinkCache,
  decodeMark,
  entryKey,
  type FreshLink,
  markKey,
  type RedisLinkCache,
} from './redis-link-cache.ts'

const code = 'aB3dE5g'
const tag = hashTagOf(1, code)

function freshLink(version: number, asOfMs: number, timeline = 1): FreshLink {
  const copy = {
    domainId: 1,
    code,
    version,
    timeline,
    state: LinkState.LIVE,
    targetUrl: `https://example.com/${version}`,
    redirectStatus: 0,
    forwardQuery: false,
    startsAtMs: 0,
    expiresAtMs: 0,
    maxClicks: 0,
    passwordProtected: false,
  }
  return { copy, asOfMs }
}

describe('the link cache in a real Redis', () => {
  let redis: Redis
  let cache: RedisLinkCache
  let prefix: string

  beforeAll(async () => {
    redis = new Redis(testRedisUrl())
  })
  afterAll(() => redis.disconnect())
  beforeEach(async () => {
    prefix = `${uniqueName('cache')}:`
    cache = createRedisLinkCache(redis, prefix)
  })

  const startGeneration = (floorMs: number, timeline = 1) =>
    cache.renew(tag, { generation: 100, timeline, floorMs })
  const mark = async () => decodeMark(await redis.get(markKey(prefix, tag)))

  it('stores nothing before a relay has made the mark', async () => {
    expect(await cache.fill(freshLink(1, 1_000))).toBe('no-mark')
    expect(await cache.apply(freshLink(1, 1_000), 100)).toBe('other-generation')
    expect(await cache.read(1, code)).toBeUndefined()
  })

  it('reads many in one round trip, each as if it were read alone', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(3, 1_000))
    const links = ['nothere', code, 'AB3dE5g', code].map((wanted) => ({ domainId: 1, code: wanted }))
    const alone = await cache.read(1, code)
    expect(alone?.copy.version).toBe(3)
    expect(await cache.readAll(links)).toEqual([undefined, alone, undefined, alone])
    expect(await cache.readAll([])).toEqual([])
  })

  it('never lets an older copy replace a newer one', async () => {
    await startGeneration(0)
    expect(await cache.fill(freshLink(5, 1_000))).toBe('stored')
    expect(await cache.fill(freshLink(4, 9_000))).toBe('kept')
    expect(await cache.apply(freshLink(4, 9_000), 100)).toBe('kept')
    expect((await cache.read(1, code))?.copy.version).toBe(5)
  })

  it('puts a copy of a later timeline above every copy of an earlier one', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(9, 1_000, 1))
    expect(await cache.fill(freshLink(3, 2_000, 2))).toBe('stored')
    expect(await cache.fill(freshLink(9, 3_000, 1))).toBe('kept')
    expect((await cache.read(1, code))?.copy.version).toBe(3)
  })

  it('takes a later asOf of the same version, never an earlier one', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 2_000))
    expect(await cache.fill(freshLink(5, 1_000))).toBe('kept')
    expect(await cache.fill(freshLink(5, 3_000))).toBe('stored')
    expect((await cache.read(1, code))?.asOfMs).toBe(3_000)
  })

  it('moves the watermark by compare-and-set, and a hit is as fresh as the watermark', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 1_000))
    const known = { generation: 100, timeline: 1, watermarkMs: 0 }
    expect(await cache.advance(tag, known, 4_000)).toBe(true)
    expect((await cache.read(1, code))?.asOfMs).toBe(4_000)
    expect(await cache.advance(tag, known, 5_000)).toBe(false)
    expect(await cache.advance(tag, { ...known, watermarkMs: 4_000, timeline: 2 }, 5_000)).toBe(false)
    expect(await cache.advance(tag, { ...known, watermarkMs: 4_000, generation: 99 }, 5_000)).toBe(false)
    expect(await cache.advance(tag, { ...known, watermarkMs: 4_000 }, 3_000)).toBe(true)
    expect((await mark())?.watermarkMs).toBe(4_000)
  })

  it('refuses a fill from before the watermark, and removes the older copy that it contradicts', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 1_000))
    await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)
    expect(await cache.fill(freshLink(6, 3_999))).toBe('refused')
    expect(await cache.read(1, code)).toBeUndefined()
    expect(await cache.fill(freshLink(6, 4_000))).toBe('stored')
  })

  it('keeps an entry when a late fill brings the same version', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 1_000))
    await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)
    expect(await cache.fill(freshLink(5, 2_000))).toBe('kept')
    expect((await cache.read(1, code))?.asOfMs).toBe(4_000)
  })

  it('lets the relay write a change whose commit is older than the watermark', async () => {
    await startGeneration(0)
    await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)
    expect(await cache.apply(freshLink(6, 3_000), 100)).toBe('stored')
    expect(await cache.apply(freshLink(7, 3_000), 99)).toBe('other-generation')
  })

  it('voids the watermark of older entries when a new generation starts, and keeps its floor', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 1_000))
    await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)
    expect(await cache.renew(tag, { generation: 50, timeline: 1, floorMs: 2_000 })).toBe(101)
    expect((await cache.read(1, code))?.asOfMs).toBe(1_000)
    expect(await mark()).toEqual({ generation: 101, timeline: 1, watermarkMs: 0, floorMs: 4_000 })
    expect(await cache.fill(freshLink(5, 3_000))).toBe('refused')
    expect(await cache.fill(freshLink(5, 5_000))).toBe('stored')
  })

  it('starts anew after a flush: the relay notices by the missing mark', async () => {
    await startGeneration(0)
    await redis.del(markKey(prefix, tag), entryKey(prefix, 1, code))
    expect(await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)).toBe(false)
    expect(await cache.renew(tag, { generation: 200, timeline: 1, floorMs: 3_000 })).toBe(200)
  })

  it('starts anew when the mark was written by another server', async () => {
    await redis.set(markKey(prefix, tag), '100 1 1000 1000 another-run-id')
    const known = { generation: 100, timeline: 1, watermarkMs: 1_000 }
    expect(await cache.advance(tag, known, 4_000)).toBe(false)
    expect(await startGeneration(0)).toBe(101)
  })

  it('does not let a relay on a superseded timeline start a generation', async () => {
    await startGeneration(0, 2)
    expect(await cache.renew(tag, { generation: 300, timeline: 1, floorMs: 0 })).toBeUndefined()
    expect(await cache.fill(freshLink(1, 9_000, 1))).toBe('refused')
  })

  it('gives every entry a time to live and a mark none', async () => {
    await startGeneration(0)
    await cache.fill(freshLink(5, 1_000))
    expect(await redis.pttl(entryKey(prefix, 1, code))).toBeGreaterThan(86_000_000)
    expect(await redis.pttl(markKey(prefix, tag))).toBe(-1)
  })
})
