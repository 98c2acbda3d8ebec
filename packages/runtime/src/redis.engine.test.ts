import { testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { silentLogger } from './log.ts'
import { openRedis } from './redis.ts'

const options = { name: 'test', commandTimeoutMs: 500, log: silentLogger() }

test('commands are answered once Redis is reached, and the state says up', async () => {
  await using redis = openRedis({ ...options, url: testRedisUrl() })
  await eventually(() => redis.state() === 'up')
  const key = uniqueName('key')
  await redis.client.set(key, 'value', 'EX', 60)
  expect(await redis.client.get(key)).toBe('value')
  await redis.client.del(key)
})

test('while Redis is away a command fails at once and nothing waits for it', async () => {
  await using redis = openRedis({ ...options, url: 'redis://127.0.0.1:1' })
  await expect(redis.client.get('key')).rejects.toThrow()
  expect(redis.state()).not.toBe('up')
})

test('a connection that is lost comes back by itself', async () => {
  await using redis = openRedis({ ...options, url: testRedisUrl() })
  await eventually(() => redis.state() === 'up')
  await redis.client.client('KILL', 'ID', await redis.client.client('ID')).catch(() => {})
  await eventually(async () => (await redis.client.ping()) === 'PONG')
})
