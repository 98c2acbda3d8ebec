/**
 * Limits on attempts, counted in Redis for all instances together, and in this process alone while Redis is away. What
 * Redis holds of a client is a hash under a key that Redis does not hold, for a window's time: a plain hash of an address is
 * undone by hashing all addresses.
 */
import { createHash, createHmac } from 'node:crypto'
import type { Redis } from '@linkfleet/runtime/redis'
import RateLimiterRedis from 'rate-limiter-flexible/lib/RateLimiterRedis.js'
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import { AttemptWindows } from '../domain/attempt-windows.ts'
import type { AttemptLimit } from '../ports.ts'
import type { Guard } from './guard.ts'

export interface AttemptLimitOptions {
  readonly redis: Redis
  /** The deadline and the breaker of Redis. */
  readonly guard: Guard
  readonly keyPrefix: string
  readonly attemptsMax: number
  readonly windowSeconds: number
  readonly clock: () => number
  /** What all instances know and Redis does not: URLs of databases with their passwords. */
  readonly secrets: readonly string[]
}

/** Clients counted while Redis is away: some 10 MB. */
const keysMax = 50_000

export function createAttemptLimit(options: AttemptLimitOptions): AttemptLimit {
  const { redis, guard, keyPrefix, attemptsMax, windowSeconds, clock } = options
  const shared = new RateLimiterRedis({
    storeClient: redis,
    rejectIfRedisNotReady: true,
    keyPrefix,
    points: attemptsMax,
    duration: windowSeconds,
  })
  const hashKey = createHash('sha256').update(options.secrets.join('\n')).digest()
  const hashOf = (client: string) =>
    createHmac('sha256', hashKey).update(client).digest('base64url').slice(0, 22)
  const own = new AttemptWindows({ windowMs: windowSeconds * 1_000, keysMax })

  return {
    async attempt(client) {
      const key = hashOf(client)
      // Counted here in any case, so that Redis going away forgives nobody.
      const { attempts, endsAtMs } = own.count(key, 1, clock())
      const ownWaitMs = attempts > attemptsMax ? endsAtMs - clock() : 0
      const waitMs = await guard(() => shared.consume(key).then(() => 0, waitMsOf))
      return Math.max(ownWaitMs, waitMs ?? 0)
    },
    async forgive(client) {
      const key = hashOf(client)
      own.count(key, -1, clock())
      await guard(() => shared.reward(key))
    },
  }
}

/** The limiter rejects with its own answer when the limit is passed, and with an error when Redis failed. */
function waitMsOf(rejected: unknown): number {
  if (rejected instanceof RateLimiterRes) return Math.max(1, rejected.msBeforeNext)
  throw rejected
}
