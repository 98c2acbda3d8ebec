import {
  createRedisLinkCache,
  type LinkToRead,
  type RedisCommands,
} from '@linkfleet/contracts/redis-link-cache'
import type { Logger } from '@linkfleet/runtime/log'
import { openRedis } from '@linkfleet/runtime/redis'
import type { KnownCopy } from '../ports.ts'

export interface RedisLinkCacheOptions {
  readonly url: string
  readonly keyPrefix: string
  readonly commandTimeoutMs: number
  readonly log: Logger
}

export interface LinkCacheRedis {
  /** One answer for each link, in order, by one command. */
  readAll(links: readonly LinkToRead[]): Promise<(KnownCopy | undefined)[]>
  /** Offers copies; the cache refuses those that are older than its own. */
  fillAll(copies: readonly KnownCopy[]): Promise<void>
  state(): string
}

/** Redis as the cache of links. While it is away every call rejects at once. */
export function openLinkCacheRedis(options: RedisLinkCacheOptions): LinkCacheRedis & AsyncDisposable {
  const connection = openRedis({
    url: options.url,
    name: 'redirect',
    commandTimeoutMs: options.commandTimeoutMs,
    connectTimeoutMs: 1_000,
    log: options.log,
  })
  const cache = createRedisLinkCache(connection.client as unknown as RedisCommands, options.keyPrefix)
  return {
    readAll: (links) => cache.readAll(links),
    fillAll: async (copies) => void (await cache.fillAll(copies)),
    state: () => connection.state(),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}
