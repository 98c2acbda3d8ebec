/** The sources of links as the domain sees them: each may be away, and what that costs is bounded here. */
import type { LinkToRead } from '@linkfleet/contracts/redis-link-cache'
import { CircuitBreaker } from '../domain/circuit-breaker.ts'
import type { KnownCopy, LinkAuthority, LinkCache, LinkKey, LinkReplicas, MayMiss } from '../ports.ts'
import { createBatch } from './batch.ts'
import { createGuard, type Guard } from './guard.ts'
import type { LinkAuthorityGrpc } from './link-authority-grpc.ts'
import type { LinkCacheRedis } from './link-cache-redis.ts'
import type { OpenLinkReplicas } from './link-replicas-pg.ts'

export interface OpenSources {
  readonly redis: LinkCacheRedis
  readonly replicas: OpenLinkReplicas
  readonly authority: LinkAuthorityGrpc
}

export interface SourcesOptions {
  readonly clock: () => number
  readonly breakerWindowMs: number
  readonly redisTimeoutMs: number
  readonly shortenerTimeoutMs: number
  readonly failed: (source: 'redis' | 'replica' | 'primary', cause: unknown) => void
}

export interface Sources {
  readonly cache: MayMiss<LinkCache>
  readonly replicas: MayMiss<LinkReplicas>
  readonly authority: MayMiss<LinkAuthority>
  readonly breakers: Readonly<Record<'redis' | 'primary', CircuitBreaker>>
}

/** The primary's word decides between 404 and 503, so it takes more than one failure to do without it. */
const authorityFailuresMax = 3
const authorityKeysMax = 500
/** Misses that come this close to each other travel as one call. */
const authorityLingerMs = 2
const redisKeysMax = 200
/** Of one request, before it turns to the primary. */
const replicasTriedMax = 2
const redisFillsMax = 100
/** Nobody waits for a fill, so they are gathered for so long: the cost of a call is then shared by many links. */
const redisFillPatienceMs = 20

export function createSources(open: OpenSources, options: SourcesOptions): Sources {
  const { clock, failed, breakerWindowMs } = options
  const breakers = {
    redis: new CircuitBreaker({ failuresMax: 1, windowMs: breakerWindowMs }),
    primary: new CircuitBreaker({ failuresMax: authorityFailuresMax, windowMs: breakerWindowMs / 2 }),
  }
  const guardRedis = createGuard({
    breaker: breakers.redis,
    deadlineMs: options.redisTimeoutMs,
    clock,
    failed: (cause) => failed('redis', cause),
  })
  const guardAuthority = createGuard({
    breaker: breakers.primary,
    deadlineMs: options.shortenerTimeoutMs,
    clock,
    failed: (cause) => failed('primary', cause),
  })
  const readAll = (links: readonly LinkToRead[]) => open.redis.readAll(links)
  const readRedis = createGuardedBatch(guardRedis, readAll, { itemsMax: redisKeysMax, lingerMs: 0 })
  const fill = createBatch<KnownCopy, undefined>({
    itemsMax: redisFillsMax,
    lingerMs: redisFillPatienceMs,
    async run(copies) {
      await guardRedis(() => open.redis.fillAll(copies))
      return []
    },
  })
  const resolve = createGuardedBatch(
    guardAuthority,
    (keys: readonly LinkKey[]) => open.authority.resolveAll(keys),
    {
      itemsMax: authorityKeysMax,
      lingerMs: authorityLingerMs,
    },
  )
  return {
    breakers,
    cache: {
      read: (domainId, code, held) =>
        readRedis({
          domainId,
          code,
          // Of one version of a link with a password, one writer may know the verifier and another not.
          held: held?.passwordProtected === true ? undefined : held,
        }),
      fill,
    },
    replicas: {
      // The breaker of a replica is its own health: after a failure only a probe lets it be read again.
      async read(domainId, code, lagging) {
        // One that fails is chosen no more, so the second try is another's.
        for (let tried = 0; tried < replicasTriedMax && open.replicas.canRead(lagging); tried += 1) {
          try {
            return await open.replicas.read(domainId, code, lagging)
          } catch (cause) {
            failed('replica', cause)
          }
        }
        return undefined
      },
    },
    authority: { resolve: (domainId, code) => resolve({ domainId, code }) },
  }
}

/** The guard is around the batch: a call that fails is one failure and has one deadline, however many keys it has. */
function createGuardedBatch<Key extends LinkKey, Answer>(
  guard: Guard,
  ask: (keys: readonly Key[]) => Promise<readonly Answer[]>,
  bounds: { readonly itemsMax: number; readonly lingerMs: number },
) {
  return createBatch<Key, Answer | undefined>({
    ...bounds,
    run: async (keys) => (await guard(() => ask(keys))) ?? [],
  })
}

const watchEveryMs = 100

/** Calls `answered` once, when the first source has answered. */
export function watchSources(open: OpenSources, answered: () => void): Disposable {
  let asking = false
  async function look(): Promise<void> {
    if (asking) return
    asking = true
    const up =
      open.redis.state() === 'up' || open.replicas.canRead(true) || (await isAnswering(open.authority))
    asking = false
    if (!up) return
    clearInterval(timer)
    answered()
  }
  const timer = setInterval(() => void look(), watchEveryMs)
  void look()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

async function isAnswering(authority: LinkAuthorityGrpc): Promise<boolean> {
  try {
    // Any code will do: a no is an answer too.
    await authority.resolveAll([{ domainId: 1, code: 'ready' }])
    return true
  } catch {
    return false
  }
}
