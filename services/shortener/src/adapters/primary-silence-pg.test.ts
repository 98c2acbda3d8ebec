import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { whileAnswering } from './primary-silence-pg.ts'

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'performance'] }),
)
afterEach(() => void vi.useRealTimers())

/** A primary of which every question is answered after `answerMs`, or never. */
function primary(answerMs: number | undefined) {
  let answeredAtMs = Number.NEGATIVE_INFINITY
  let asked = 0
  return {
    asked: () => asked,
    answeredAtMs: () => answeredAtMs,
    async query(): Promise<never> {
      asked++
      if (answerMs === undefined) return await new Promise<never>(() => {})
      await new Promise((resolve) => setTimeout(resolve, answerMs))
      answeredAtMs = performance.now()
      return { rows: [], rowCount: 0 } as never
    },
  }
}

const after = <T>(ms: number, result: T) => new Promise<T>((resolve) => setTimeout(() => resolve(result), ms))

describe('work on a primary', () => {
  it('that says nothing ends as unknown within a second', async () => {
    const silent = primary(undefined)
    const work = whileAnswering(silent, after(3_000, 'late'))
    const told = expect(work).rejects.toMatchObject({ code: 'outcome-unknown' })
    await vi.advanceTimersByTimeAsync(950)
    await told
    expect(silent.asked()).toBe(1)
    expect(vi.getTimerCount()).toBe(1)
  })

  it('that answers others may take its time', async () => {
    const slow = primary(400)
    const work = whileAnswering(slow, after(3_000, 'done'))
    await vi.advanceTimersByTimeAsync(3_000)
    await expect(work).resolves.toBe('done')
    expect(slow.asked()).toBeGreaterThan(2)
    expect(vi.getTimerCount()).toBe(0)
  })
})
