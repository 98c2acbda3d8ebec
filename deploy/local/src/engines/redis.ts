/**
 * Redis holds copies only, so nothing of it is kept on disk: a restart is a flush, and readers see its new
 * generation. Memory is bounded; only entries with an expiry may be evicted, so that watermarks stay.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Program } from '../programs/program.ts'
import { type Engine, type EngineHome, startEngine } from './engine.ts'

const MEMORY_MAX = '256mb'

export async function startRedis(place: EngineHome, program: Program, port: number): Promise<Engine> {
  const folder = join(place.home, 'redis')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const config = join(folder, 'redis.conf')
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    'daemonize no',
    'save ""',
    'appendonly no',
    `maxmemory ${MEMORY_MAX}`,
    'maxmemory-policy volatile-ttl',
    `dir "${folder}"`,
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  const url = `redis://127.0.0.1:${port}`
  const command = {
    name: 'redis',
    program: program.path,
    args: [config],
    cwd: folder,
    stopSignal: 'TERM' as const,
  }
  return startEngine(place, command, url, 20_000, async () => {
    using client = openOnce(url)
    await client.redis.connect()
    return (await client.redis.info('server')).includes('redis_version') ? true : undefined
  })
}

function openOnce(url: string) {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 })
  // The failure is the rejected promise; an unheard error event would end the process.
  redis.on('error', () => {})
  return { redis, [Symbol.dispose]: () => redis.disconnect() }
}
