/** The same histories over a real Redis and its real scripts, fewer of them. */
import { createRedisLinkCache, entryKey, markKey } from '@linkfleet/contracts/redis-link-cache'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis, type RedisConnection } from '@linkfleet/runtime/redis'
import { testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { testRuns, testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { afterAll, beforeAll, test } from 'vitest'
import { histories } from './operations.ts'
import { codes, type LossyCache, World } from './world.ts'

const runs = testRuns(25)
const hashTags = Array.from({ length: 64 }, (_none, hashTag) => hashTag)

let redis: RedisConnection

beforeAll(async () => {
  redis = openRedis({ url: testRedisUrl(), name: 'test', commandTimeoutMs: 5_000, log: silentLogger() })
  await eventually(() => redis.state() === 'up')
})
afterAll(async () => await redis?.[Symbol.asyncDispose]())

/** Losses are of this prefix alone: the server is shared. A mark of a failover names another run of the server. */
function lossyRedisCache(prefix: string): LossyCache {
  const { client } = redis
  const entries = codes.map((code) => entryKey(prefix, 1, code))
  const marks = hashTags.map((hashTag) => markKey(prefix, hashTag))
  let replicated: (Buffer | null)[] = []
  const keys = [...entries, ...marks]
  return {
    ...createRedisLinkCache(client, prefix),
    flush: async () => void (await client.del(...keys)),
    async replicate() {
      replicated = await client.mgetBuffer(...keys)
    },
    async failOver() {
      await client.del(...keys)
      for (const [place, value] of replicated.entries()) {
        if (value === null) continue
        const isMark = place >= entries.length
        await client.set(keys[place] as string, isMark ? value.toString().replace(/\S+$/, 'another') : value)
      }
    },
    // A server with room evicts nothing; the double tries what one without does.
    evictOldest: () => {},
    drop: async (domainId, code) => void (await client.del(entryKey(prefix, domainId, code))),
  }
}

test(`no history breaks a promise about freshness (seed ${testSeed}, ${runs} runs)`, {
  timeout: 240_000,
}, async () => {
  const property = fc.asyncProperty(histories, async (operations) => {
    const cache = lossyRedisCache(`${uniqueName('model')}:`)
    const world = new World(() => cache)
    for (const one of operations) {
      await world.run(one)
      if (world.problems.length > 0) throw new Error(world.problems.join('\n'))
    }
    await cache.flush()
  })
  await fc.assert(property, { seed: testSeed, numRuns: runs, endOnFailure: true })
})
