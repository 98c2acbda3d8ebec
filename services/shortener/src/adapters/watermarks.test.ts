import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { hashTagOf } from '@linkfleet/contracts/redis-link-cache'
import { createMemoryLinkCache, type MemoryLinkCache } from '@linkfleet/contracts/testing/memory-link-cache'
import { beforeEach, describe, expect, test } from 'vitest'
import { toCopy } from '../domain/link.ts'
import type { OutboxSnapshot } from '../ports.ts'
import { createWatermarks, type Watermarks } from './watermarks.ts'
import { WrittenChanges } from './written-changes.ts'

const code = 'aB3dE5g'
const tag = hashTagOf(1, code)
let nowMs: number
let cache: MemoryLinkCache
let relay: Watermarks

const linkOf = (version: number) => ({
  domainId: 1,
  code,
  version,
  createdVersion: 1,
  state: LinkState.LIVE as number as 1,
  targetUrl: `https://example.com/${version}`,
  title: null,
  tags: [],
  redirectStatus: 302,
  forwardQuery: false,
  startsAtMs: null,
  expiresAtMs: null,
  maxClicks: null,
  passwordProtected: false,
  passwordVerifier: null,
  createdBy: 'a test',
  createdAtMs: 0,
  updatedAtMs: 0,
})

/** A snapshot taken now, with the heartbeat of a moment ago and one change, if any. */
function snapshot(version?: number): OutboxSnapshot {
  nowMs += 10
  const change = version === undefined ? [] : [{ version, copy: toCopy(linkOf(version), 1) }]
  return {
    changes: change.map((one) => ({ ...one, asOfMs: nowMs, redisDone: false, kafkaDone: true })),
    asOfMs: nowMs,
    takenAtMs: nowMs,
    timeline: 1,
    heartbeatMs: nowMs - 5,
    isCompleteForRedis: true,
    isCompleteForKafka: true,
  }
}

beforeEach(async () => {
  nowMs = 1_700_000_000_000
  cache = createMemoryLinkCache(() => nowMs)
  relay = createWatermarks(cache, () => {})
  // The first look makes the marks, the second moves them.
  await relay.apply(snapshot())
  await relay.apply(snapshot())
})

test('the lowest watermark is told while all of them are known, and not after a flush', async () => {
  const told: number[] = []
  const successor = createWatermarks(
    cache,
    () => {},
    (lowestMs) => told.push(lowestMs),
  )
  const adopted = cache.mark(tag)?.watermarkMs
  await successor.apply(snapshot())
  const second = snapshot()
  await successor.apply(second)
  expect(told).toEqual([adopted, second.heartbeatMs])
  cache.flush()
  await successor.apply(snapshot())
  expect(told).toHaveLength(2)
  const last = snapshot()
  await successor.apply(last)
  expect(told).toEqual([adopted, second.heartbeatMs, last.heartbeatMs])
})

test('changes are in Redis before the watermark of their snapshot is', async () => {
  const taken = snapshot(7)
  expect(await relay.apply(taken)).toEqual({ done: [7], failure: undefined })
  expect(cache.mark(tag)?.watermarkMs).toBe(taken.heartbeatMs)
  expect(await cache.read(1, code)).toMatchObject({ copy: { version: 7 } })
})

test('a relay that stood still writes nothing once its successor has moved the watermark', async () => {
  const old = snapshot(7)
  const successor = createWatermarks(cache, () => {})
  await successor.apply(snapshot())
  await successor.apply(snapshot(8))
  cache.drop(1, code)
  expect((await relay.apply(old)).done).toEqual([])
  expect(await cache.read(1, code)).toBeUndefined()
})

test('a relay that stood still before it knew the marks does not apply its old snapshot by them', async () => {
  const waking = createWatermarks(cache, () => {})
  const old = snapshot(7)
  await relay.apply(snapshot(8))
  cache.drop(1, code)
  expect((await waking.apply(old)).done).toEqual([])
  expect(await cache.read(1, code)).toBeUndefined()
})

test('a generation that its relay never moved is not taken over: its floor may be too early', async () => {
  cache.flush()
  const waking = createWatermarks(cache, () => {})
  await waking.apply({ ...snapshot(), takenAtMs: nowMs - 60_000, heartbeatMs: nowMs - 60_005 })
  const started = cache.mark(tag)
  expect(started).toMatchObject({ watermarkMs: 0, floorMs: nowMs - 60_000 })
  await createWatermarks(cache, () => {}).apply(snapshot())
  expect(cache.mark(tag)?.generation).toBeGreaterThan(started?.generation ?? 0)
  expect(cache.mark(tag)?.floorMs).toBe(nowMs)
})

test('the floor of a generation is not before the heartbeat of a clock that was set back', async () => {
  await relay.apply(snapshot(7))
  cache.flush()
  const heartbeatMs = nowMs + 5_000
  await createWatermarks(cache, () => {}).apply({ ...snapshot(), heartbeatMs })
  // A replica that has replayed as far as the heartbeat may still have what was replaced after it.
  expect(await cache.fill({ copy: toCopy(linkOf(6), 1), asOfMs: heartbeatMs })).toBe('refused')
  expect(await cache.fill({ copy: toCopy(linkOf(7), 1), asOfMs: heartbeatMs + 1 })).toBe('stored')
})

test('after a failover of Redis to an older copy a new generation starts', async () => {
  await relay.apply(snapshot(7))
  cache.replicate()
  const generation = cache.mark(tag)?.generation ?? 0
  await relay.apply(snapshot(8))
  cache.failOver()
  expect(await cache.read(1, code)).toMatchObject({ copy: { version: 7 } })
  const lost = nowMs
  for (let round = 0; round < 3; round += 1) await relay.apply(snapshot())
  expect(cache.mark(tag)?.generation).toBeGreaterThan(generation)
  // Version 7 is there and is as current as it was, no more.
  expect((await cache.read(1, code))?.asOfMs).toBeLessThan(lost)
})

describe('what the write-through has put into Redis', () => {
  let written: WrittenChanges
  let sent: number[]

  beforeEach(async () => {
    written = new WrittenChanges(() => nowMs)
    written.keep()
    sent = []
    const watched: MemoryLinkCache = {
      ...cache,
      async applyAll(links, onFailure) {
        sent.push(...links.map(({ copy }) => copy.version))
        return await cache.applyAll(links, onFailure)
      },
    }
    relay = createWatermarks(
      watched,
      () => {},
      () => {},
      written,
    )
    await relay.apply(snapshot())
    nowMs += 10
  })

  async function writeThrough(version: number): Promise<void> {
    const sentAtMs = written.now()
    const copy = toCopy(linkOf(version), 1)
    expect(await cache.fill({ copy, asOfMs: nowMs })).toBe('stored')
    written.add({ copy, asOfMs: nowMs }, sentAtMs)
  }

  test('is not sent again, and no older copy is covered by the watermark', async () => {
    await writeThrough(7)
    const taken = snapshot(7)
    expect(await relay.apply(taken)).toEqual({ done: [7], failure: undefined })
    expect(sent).toEqual([])
    expect(await cache.read(1, code)).toMatchObject({ copy: { version: 7 }, asOfMs: taken.heartbeatMs })
  })

  test('is sent if it was written before the generation of its mark was known', async () => {
    const old = snapshot()
    nowMs += 10
    await writeThrough(8)
    cache.flush()
    nowMs += 10
    // This round finds the marks gone: they begin anew at the moment of its snapshot, which knows nothing of version 8.
    await relay.apply(old)
    // A reader that was slow brings what it read before version 8, and after the floor.
    await cache.fill({ copy: toCopy(linkOf(7), 1), asOfMs: old.takenAtMs + 1 })
    expect(await cache.read(1, code)).toMatchObject({ copy: { version: 7 } })
    expect((await relay.apply(snapshot(8))).done).toEqual([8])
    expect(sent).toEqual([8])
    expect(await cache.read(1, code)).toMatchObject({ copy: { version: 8 } })
  })

  test('is sent by a relay that leads only since then', async () => {
    await writeThrough(7)
    nowMs += 10
    const successor = createWatermarks(
      cache,
      () => {},
      () => {},
      written,
    )
    cache.drop(1, code)
    await successor.apply(snapshot())
    expect((await successor.apply(snapshot(7))).done).toEqual([7])
    expect(await cache.read(1, code)).toMatchObject({ copy: { version: 7 } })
  })

  test('is sent if it was long ago, or if the copy is another', async () => {
    await writeThrough(7)
    expect((await relay.apply(snapshot(8))).done).toEqual([8])
    await writeThrough(9)
    nowMs += 60_000
    expect((await relay.apply(snapshot(9))).done).toEqual([9])
    expect(sent).toEqual([8, 9])
  })
})
