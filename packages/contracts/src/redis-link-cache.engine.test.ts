import { setTimeout as delay } from 'node:timers/promises'
import { testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashTagCount, hashTagOf } from './partition.ts'
import {
  createRedisLinkCache,
  decodeMark,
  entryKey,
  type FreshLink,
  markKey,
  markStillMs,
  type RedisCommands,
  type RedisLinkCache,
} from './redis-link-cache.ts'
import { liveLink } from './testing/live-link.ts'

const code = 'aB3dE5g'
const tag = hashTagOf(1, code)

function freshLink(version: number, asOfMs: number, timeline = 1): FreshLink {
  return { copy: liveLink(code, version, { timeline }), asOfMs }
}

const relayed = (version: number, asOfMs: number, watermarkMs: number) => ({
  ...freshLink(version, asOfMs),
  generation: 100,
  watermarkMs,
})

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
  /** The part of the mark that the scripts alone read. */
  const writtenBy = async () => {
    const [server, atMs] = (await redis.get(markKey(prefix, tag)))?.split(' ').at(-1)?.split('@') ?? []
    return { server, atMs: Number(atMs) }
  }

  it('stores nothing before a relay has made the mark', async () => {
    expect(await cache.fill(freshLink(1, 1_000))).toBe('no-mark')
    expect(await cache.apply(relayed(1, 1_000, 0))).toBe('other-generation')
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

  const other = (version: number, asOfMs: number, otherCode: string): FreshLink => {
    const link = freshLink(version, asOfMs)
    return { ...link, copy: { ...link.copy, code: otherCode } }
  }
  const startEveryGeneration = async () => {
    for (let hashTag = 0; hashTag < hashTagCount; hashTag++)
      await cache.renew(hashTag, { generation: 100, timeline: 1, floorMs: 0 })
  }
  const manyCodes = Array.from({ length: 300 }, (_none, n) => `many${n}`)
  const unexpected = (error: unknown) => {
    throw error
  }

  it('fills many as if each were filled alone, in order', async () => {
    await startEveryGeneration()
    await cache.fill(other(7, 1_000, 'many8'))
    const outcomes = await cache.fillAll(manyCodes.map((one) => other(5, 2_000, one)))
    expect(outcomes).toEqual(manyCodes.map((one) => (one === 'many8' ? 'kept' : 'stored')))
    for (const one of ['many0', 'many150', 'many299'])
      expect((await cache.read(1, one))?.copy.version).toBe(5)
    expect((await cache.read(1, 'many8'))?.copy.version).toBe(7)
    expect(await cache.fillAll([])).toEqual([])
  })

  it('applies many: what is there already is kept, what is not is written', async () => {
    await startEveryGeneration()
    await cache.fillAll(manyCodes.slice(0, 200).map((one) => other(5, 1_000, one)))
    await cache.fill(other(4, 1_000, 'many250'))
    const relayed = manyCodes.map((one) => ({ ...other(5, 2_000, one), generation: 100, watermarkMs: 0 }))
    const outcomes = await cache.applyAll(relayed, unexpected)
    expect(outcomes).toEqual(manyCodes.map((_one, place) => (place < 200 ? 'kept' : 'stored')))
    expect((await cache.read(1, 'many250'))?.copy.version).toBe(5)
    expect(await cache.applyAll(relayed, unexpected)).toEqual(manyCodes.map(() => 'kept'))
  })

  it('writes a copy again that an earlier generation left', async () => {
    await startEveryGeneration()
    await cache.fill(freshLink(5, 1_000))
    await cache.renew(tag, { generation: 200, timeline: 1, floorMs: 0 })
    const relayed = { ...freshLink(5, 2_000), generation: 200, watermarkMs: 0 }
    expect(await cache.applyAll([relayed], unexpected)).toEqual(['stored'])
    expect(await cache.applyAll([{ ...relayed, generation: 100 }], unexpected)).toEqual(['other-generation'])
  })

  it('fails the one entry that cannot be written, and none beside it', async () => {
    await startEveryGeneration()
    await redis.lpush(entryKey(prefix, 1, 'many1'), 'in the way')
    const relayed = ['many0', 'many1', 'many2'].map((one) => ({
      ...other(5, 2_000, one),
      generation: 100,
      watermarkMs: 0,
    }))
    expect(await cache.applyAll(relayed, unexpected)).toEqual(['stored', 'failed', 'stored'])
    expect(await cache.fillAll(relayed)).toEqual(['kept', 'failed', 'kept'])
  })

  it('tells why a call failed, and fails its links alone', async () => {
    await startEveryGeneration()
    const away = new Redis(testRedisUrl(), { lazyConnect: true, enableOfflineQueue: false })
    const failures: unknown[] = []
    const cutOff = createRedisLinkCache(away, prefix)
    const relayed = [{ ...freshLink(5, 2_000), generation: 100, watermarkMs: 0 }]
    expect(await cutOff.applyAll(relayed, (error) => failures.push(error))).toEqual(['failed'])
    expect(failures).toHaveLength(1)
    await expect(cutOff.fillAll(relayed)).rejects.toThrow()
    away.disconnect()
  })

  it('sends no call that spans hash tags to a cluster', async () => {
    await startEveryGeneration()
    const calls: string[][] = []
    const asCluster: RedisCommands = {
      isCluster: true,
      defineCommand: (name, definition) => redis.defineCommand(name, definition),
      mgetBuffer: (...keys) => redis.mgetBuffer(...keys),
      pipeline: (commands) => redis.pipeline(commands),
    }
    const scripts = redis as unknown as Record<string, (...args: unknown[]) => Promise<string>>
    for (const name of ['linkfleetPut', 'linkfleetHas'])
      Object.assign(asCluster, {
        [name]: (count: number, ...args: unknown[]) => {
          calls.push(args.slice(0, count) as string[])
          return scripts[name]?.(count, ...args)
        },
      })
    const clustered = createRedisLinkCache(asCluster, prefix)
    expect(await clustered.fillAll(manyCodes.map((one) => other(5, 2_000, one)))).toEqual(
      manyCodes.map(() => 'stored'),
    )
    const relayed = manyCodes.map((one) => ({ ...other(6, 3_000, one), generation: 100, watermarkMs: 0 }))
    expect(await clustered.applyAll(relayed, unexpected)).toEqual(manyCodes.map(() => 'stored'))
    expect(calls.length).toBeGreaterThan(hashTagCount)
    for (const keys of calls) {
      expect(new Set(keys.map((key) => /\{(\d+)\}/.exec(key)?.[1])).size).toBe(1)
    }
    expect((await cache.read(1, 'many299'))?.copy.version).toBe(6)
  })

  it('never lets an older copy replace a newer one', async () => {
    await startGeneration(0)
    expect(await cache.fill(freshLink(5, 1_000))).toBe('stored')
    expect(await cache.fill(freshLink(4, 9_000))).toBe('kept')
    expect(await cache.apply(relayed(4, 9_000, 0))).toBe('kept')
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
    expect(await cache.apply(relayed(6, 3_000, 4_000))).toBe('stored')
    expect(await cache.apply({ ...relayed(7, 3_000, 4_000), generation: 99 })).toBe('other-generation')
  })

  it('takes nothing from a relay that knows an earlier watermark: it stood still and was succeeded', async () => {
    await startGeneration(0)
    await cache.advance(tag, { generation: 100, timeline: 1, watermarkMs: 0 }, 4_000)
    expect(await cache.apply(relayed(6, 5_000, 0))).toBe('other-generation')
    expect(await cache.read(1, code)).toBeUndefined()
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
    await redis.set(markKey(prefix, tag), `100 1 1000 1000 another0run@${Date.now()}`)
    const known = { generation: 100, timeline: 1, watermarkMs: 1_000 }
    expect(await cache.advance(tag, known, 4_000)).toBe(false)
    expect(await startGeneration(0)).toBe(101)
  })

  it('starts anew when nobody wrote the mark for so long that changes may have run out', async () => {
    await startGeneration(0)
    const { server, atMs } = await writtenBy()
    const writtenBefore = async (ms: number) =>
      await redis.set(markKey(prefix, tag), `100 1 0 0 ${server}@${atMs - ms}`)
    const known = { generation: 100, timeline: 1, watermarkMs: 0 }
    await writtenBefore(markStillMs - 60_000)
    expect(await cache.advance(tag, known, 0)).toBe(true)
    await writtenBefore(markStillMs)
    await delay(2)
    expect(await cache.advance(tag, known, 4_000)).toBe(false)
    expect(await startGeneration(0)).toBe(101)
    expect(await cache.advance(tag, { ...known, generation: 101 }, 4_000)).toBe(true)
  })

  it('starts anew from a mark of a fleet that did not note when it wrote it', async () => {
    await startGeneration(0)
    const { server } = await writtenBy()
    await redis.set(markKey(prefix, tag), `100 1 1000 1000 ${server}`)
    const known = { generation: 100, timeline: 1, watermarkMs: 1_000 }
    expect(await cache.advance(tag, known, 4_000)).toBe(false)
    expect(await startGeneration(0)).toBe(101)
    expect(await mark()).toMatchObject({ generation: 101, floorMs: 1_000 })
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
