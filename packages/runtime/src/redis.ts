/** Redis, behind one door: a client that fails fast when Redis is away and comes back by itself. */
import { Redis } from 'ioredis'
import { backoffMs } from './backoff.ts'
import type { Logger } from './log.ts'

export type { Redis } from 'ioredis'

export interface RedisOptions {
  readonly url: string
  /** Shown in CLIENT LIST. */
  readonly name: string
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs?: number
  readonly log: Logger
}

export interface RedisConnection extends AsyncDisposable {
  readonly client: Redis
  /** 'up', or the client's own word for what it is doing, such as 'reconnecting'. */
  state(): string
}

/** Connects in the background. While Redis is away commands fail at once: nothing waits in a queue. */
export function openRedis(options: RedisOptions): RedisConnection {
  const client = new Redis(options.url, {
    connectionName: options.name,
    commandTimeout: options.commandTimeoutMs,
    connectTimeout: options.connectTimeoutMs ?? 2_000,
    // A command that timed out stays in the client's queue until its answer comes: a frozen server must be left.
    socketTimeout: Math.max(1_000, 3 * options.commandTimeoutMs),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: true,
    retryStrategy: (attempt) => backoffMs(attempt, { baseMs: 50, maxMs: 1_000 }),
  })
  let complained = false
  client.on('error', (error: Error) => {
    if (!complained) options.log.warn({ err: error, redis: options.name }, 'redis is away')
    complained = true
  })
  client.on('ready', () => {
    if (complained) options.log.info({ redis: options.name }, 'redis is back')
    complained = false
  })
  return {
    client,
    state: () => (client.status === 'ready' ? 'up' : client.status),
    async [Symbol.asyncDispose]() {
      client.disconnect()
    },
  }
}
