/** The double in memory does what the scripts do in a real Redis: the same words, the same entries, the same marks. */
import { testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { testRuns, testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashTagOf } from '../partition.ts'
import { createRedisLinkCache, type FreshLink, type RedisLinkCache } from '../redis-link-cache.ts'
import { liveLink } from './live-link.ts'
import { createMemoryLinkCache } from './memory-link-cache.ts'

const codes = ['aB3dE5g', 'Zz9yX8w']
const runs = testRuns(60)
let redis: Redis

beforeAll(() => {
  // As the services have it: whether keys of one call must share a slot.
  redis = new Redis(testRedisUrl())
})
afterAll(() => redis.disconnect())

const code = fc.constantFrom(...codes)
const small = fc.integer({ min: 1, max: 6 })
const moment = fc.integer({ min: 1, max: 9 }).map((n) => n * 1_000)
const link = fc.record({ code, version: small, timeline: fc.constantFrom(1, 1, 1, 2), asOfMs: moment })
const generation = fc.constantFrom(1_000, 1_000, 1_001, 5_000)
const watermarkMs = fc.oneof(fc.constant(0), moment)

const step = fc.oneof(
  fc.record({ kind: fc.constant('fill' as const), link }),
  fc.record({ kind: fc.constant('apply' as const), link, generation, watermarkMs }),
  fc.record({ kind: fc.constant('advance' as const), code, generation, watermarkMs, toMs: moment }),
  fc.record({
    kind: fc.constant('renew' as const),
    code,
    timeline: fc.constantFrom(1, 1, 1, 2),
    floorMs: moment,
  }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function copyOf({
  code: of,
  version,
  timeline,
  asOfMs,
}: {
  code: string
  version: number
  timeline: number
  asOfMs: number
}): FreshLink {
  const copy = liveLink(of, version, { timeline, targetUrl: `https://example.com/${version}` })
  return { copy, asOfMs }
}

async function take(cache: RedisLinkCache, one: Step): Promise<unknown> {
  if (one.kind === 'fill') return await cache.fill(copyOf(one.link))
  if (one.kind === 'apply') {
    return await cache.apply({
      ...copyOf(one.link),
      generation: one.generation,
      watermarkMs: one.watermarkMs,
    })
  }
  const hashTag = hashTagOf(1, one.code)
  if (one.kind === 'renew') {
    const { timeline, floorMs } = one
    return await cache.renew(hashTag, { generation: 1_000, timeline, floorMs })
  }
  const known = { generation: one.generation, timeline: 1, watermarkMs: one.watermarkMs }
  return await cache.advance(hashTag, known, one.toMs)
}

async function stateOf(cache: RedisLinkCache): Promise<unknown> {
  const links = await cache.readAll(codes.map((of) => ({ domainId: 1, code: of })))
  return { links, marks: await Promise.all(codes.map((of) => cache.readMark(hashTagOf(1, of)))) }
}

test(`any steps have the same outcome in both (seed ${testSeed}, ${runs} runs)`, async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    const real = createRedisLinkCache(redis as never, `${uniqueName('double')}:`)
    const double = createMemoryLinkCache(() => 0)
    for (const cache of [real, double]) {
      for (const of of codes)
        await cache.renew(hashTagOf(1, of), { generation: 1_000, timeline: 1, floorMs: 0 })
    }
    for (const one of steps) {
      expect(await take(double, one)).toEqual(await take(real, one))
      expect(await stateOf(double)).toEqual(await stateOf(real))
    }
  })
  await fc.assert(property, { seed: testSeed, numRuns: runs })
})
