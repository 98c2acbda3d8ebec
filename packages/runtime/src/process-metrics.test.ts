import { expect, test } from 'vitest'
import { Health } from './health.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'
import { openPool } from './postgres.ts'
import { tellOfProcess } from './process-metrics.ts'
import { versionOf } from './version.ts'

test('a process tells what it is, how it is, and how its dependencies are', async () => {
  const metrics = new Metrics('redirect')
  const health = new Health()
  health.dependency('redis', () => 'up')
  health.dependency('replicas', () => 'up, up')
  health.dependency('kafka', () => 'connect ECONNREFUSED')
  health.dependency('salts', () => 'not tried yet')
  tellOfProcess(metrics, health)
  const page = await metrics.registry.metrics()
  expect(page).toMatch(/runtime_info\{version="\d+\.\d+\.\d+",node="v24\./)
  expect(page).toContain('runtime_ready 0')
  for (const [dependency, up] of [
    ['redis', 1],
    ['replicas', 1],
    ['kafka', 0],
    ['salts', 1],
  ] as const)
    expect(page).toContain(`runtime_dependency_up{dependency="${dependency}"} ${up}`)
  expect(page).toMatch(/runtime_event_loop_utilization_ratio (0|1|0\.\d+)/)
  health.setReady()
  expect(await metrics.registry.metrics()).toContain('runtime_ready 1')
})

test('pools are told of while they are open', async () => {
  const metrics = new Metrics('shortener')
  tellOfProcess(metrics, new Health())
  {
    await using _pool = openPool({
      url: 'postgres://nobody@127.0.0.1:1/none',
      name: 'pool-of-a-test',
      maxConnections: 2,
      statementTimeoutMs: 100,
      connectTimeoutMs: 100,
      log: silentLogger(),
    })
    for (const state of ['used', 'idle', 'waiting'])
      expect(await metrics.registry.metrics()).toContain(`{pool="pool-of-a-test",state="${state}"} 0`)
  }
  expect(await metrics.registry.metrics()).not.toContain('pool-of-a-test')
})

test('an image says which commit it is', () => {
  expect(versionOf({ LINKFLEET_VERSION: '1.2.3-abc' })).toBe('1.2.3-abc')
  expect(versionOf({})).toMatch(/^\d+\.\d+\.\d+/)
})
