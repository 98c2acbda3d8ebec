import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'

export interface TestPoolOptions {
  readonly maxConnections: number
  readonly statementTimeoutMs: number
  /** 5 s unless told. */
  readonly connectTimeoutMs?: number
}

/** A test's own connections to a database; their log goes nowhere. */
export function openTestPool(url: string, options: TestPoolOptions): Pool {
  return openPool({ url, name: 'test', connectTimeoutMs: 5_000, ...options, log: silentLogger() })
}
