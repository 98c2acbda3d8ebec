import { expect, test } from 'vitest'
import { Health } from './health.ts'

test('a process is starting, then ready, then draining, and draining is final', () => {
  const health = new Health()
  expect(health.report().status).toBe('starting')
  health.setReady()
  expect(health.report().status).toBe('ready')
  health.setDraining()
  health.setReady()
  expect(health.report().status).toBe('draining')
})

test('a dependency that is away is shown and does not change the status', () => {
  const health = new Health()
  health.dependency('redis', () => 'down')
  health.setReady()
  expect(health.report()).toEqual({ status: 'ready', dependencies: { redis: 'down' } })
})
