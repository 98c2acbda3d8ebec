import { eventually } from '@linkfleet/testkit/eventually'
import { describe, expect, it } from 'vitest'
import { openCodePool } from './code-pool-grpc.ts'

function countingSource() {
  let made = 0
  const calls: number[] = []
  const source = { isAway: false }
  const allocate = async (count: number) => {
    calls.push(count)
    if (source.isAway) throw new Error('away')
    return Array.from({ length: count }, () => `code${made++}`)
  }
  return { source, calls, allocate }
}

describe('the code pool', () => {
  it('fills itself up to its bound, a bounded number at a time', async () => {
    const { calls, allocate } = countingSource()
    const pool = openCodePool({ codesMax: 2_500, allocate, onRefillFailed: () => {} })
    await eventually(() => pool.size === 2_500)
    expect(calls).toEqual([1_000, 1_000, 500])
    pool.stop()
  })

  it('gives every code once, and goes on while no generator answers', async () => {
    const { source, allocate } = countingSource()
    let failures = 0
    const pool = openCodePool({ codesMax: 100, allocate, onRefillFailed: () => failures++ })
    await eventually(() => pool.size === 100)
    source.isAway = true
    const codes = await Promise.all(Array.from({ length: 100 }, () => pool.take()))
    expect(new Set(codes).size).toBe(100)
    await expect(pool.take()).rejects.toMatchObject({ code: 'not-created', retryAfterSeconds: 1 })
    expect(failures).toBeGreaterThan(0)
    expect(pool.state()).toContain('away')
    source.isAway = false
    await eventually(() => pool.size === 100)
    expect(pool.state()).toBe('up')
    expect(codes).not.toContain(await pool.take())
    pool.stop()
  })

  it('always has 10,000 codes when its bound is the default one and a generator answered until now', async () => {
    const { source, calls, allocate } = countingSource()
    const pool = openCodePool({ codesMax: 12_000, allocate, onRefillFailed: () => {} })
    await eventually(() => pool.size === 12_000)
    for (let taken = 0; taken < 999; taken++) await pool.take()
    expect(calls).toHaveLength(12)
    source.isAway = true
    await pool.take()
    expect(calls).toHaveLength(13)
    expect(pool.size).toBe(11_000)
    pool.stop()
  })

  it('counts each caller that got no code', async () => {
    const { source, allocate } = countingSource()
    source.isAway = true
    let refused = 0
    const pool = openCodePool({ codesMax: 10, allocate, onRefillFailed: () => {}, onEmpty: () => refused++ })
    const results = await Promise.allSettled([pool.take(), pool.take(), pool.take()])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(refused).toBe(3)
    pool.stop()
  })

  it('gives many at once all or none, and what it refuses stays for others', async () => {
    const { source, allocate } = countingSource()
    const pool = openCodePool({ codesMax: 100, allocate, onRefillFailed: () => {} })
    await eventually(() => pool.size === 100)
    source.isAway = true
    await expect(pool.takeAll(101)).rejects.toMatchObject({ code: 'not-created', retryAfterSeconds: 1 })
    expect(pool.size).toBe(100)
    const codes = [...(await pool.takeAll(60)), ...(await pool.takeAll(40))]
    expect(new Set(codes).size).toBe(100)
    expect(pool.size).toBe(0)
    pool.stop()
  })

  it('makes more than its bound ready for who wants so many at once, and holds up nobody for them', async () => {
    const { calls, allocate } = countingSource()
    const pool = openCodePool({ codesMax: 100, allocate, onRefillFailed: () => {} })
    await eventually(() => pool.size === 100)
    const many = pool.takeAll(2_500)
    expect(await pool.take()).toEqual(expect.any(String))
    expect(new Set(await many).size).toBe(2_500)
    expect(Math.max(...calls)).toBeLessThanOrEqual(1_000)
    await eventually(() => pool.size === 100)
    pool.stop()
  })

  it('hands codes to those who wait, as soon as some come', async () => {
    const { source, allocate } = countingSource()
    source.isAway = true
    const pool = openCodePool({ codesMax: 10, allocate, onRefillFailed: () => {} })
    const waiting = Promise.all([pool.take(), pool.take()])
    source.isAway = false
    expect(new Set(await waiting).size).toBe(2)
    pool.stop()
  })
})
