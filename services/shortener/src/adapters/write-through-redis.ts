/** Puts a committed change into Redis before it is answered, so that the next redirect finds it there. */
import type { RedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { type ReadLink, toCopy } from '../domain/link.ts'
import type { WriteThrough } from '../ports.ts'

/** What an answer may wait for Redis. */
const waitForRedisMs = 40
/** After a failure Redis is left alone for this long: a frozen one costs one wait, not one for each create. */
const pauseMs = 1_000
/** Writes under way when Redis is slow; more are left to the relay. */
const writesInFlightMax = 1_000

export function openWriteThroughRedis(
  cache: RedisLinkCache,
  onFailed: (error: unknown) => void,
): WriteThrough {
  let pausedUntilMs = 0
  let inFlight = 0

  function pause(error: unknown): void {
    pausedUntilMs = performance.now() + pauseMs
    onFailed(error)
  }

  return {
    async write({ link, asOfMs, timeline }: ReadLink) {
      if (performance.now() < pausedUntilMs || inFlight >= writesInFlightMax) return
      inFlight++
      const { promise: late, resolve } = Promise.withResolvers<'late'>()
      const timer = setTimeout(() => resolve('late'), waitForRedisMs)
      const writing = cache.fill({ copy: toCopy(link, timeline), asOfMs }).catch((error: unknown) => {
        pause(error)
        return 'failed' as const
      })
      writing.finally(() => inFlight--)
      const outcome = await Promise.race([writing, late])
      clearTimeout(timer)
      if (outcome === 'late') pause(new Error(`Redis took longer than ${waitForRedisMs} ms.`))
    },
  }
}
