import { expect, test } from 'vitest'
import { startUpkeepLoop } from './upkeep-loop.ts'

const HOUR_MS = 3_600_000
const never = new AbortController().signal

function startLoop(round: () => Promise<void>) {
  const events: string[] = []
  const loop = startUpkeepLoop({
    round,
    intervalMs: HOUR_MS,
    onFailure: () => events.push('failed'),
    onRecovery: () => events.push('recovered'),
  })
  return { loop, events }
}

test('a round is run at the start and when somebody waits for one, and rounds never overlap', async () => {
  let running = 0
  let rounds = 0
  const { loop } = startLoop(async () => {
    running += 1
    expect(running).toBe(1)
    await new Promise((resolve) => setImmediate(resolve))
    rounds += 1
    running -= 1
  })
  expect(await loop.nextRound(never)).toBe(true)
  expect(await Promise.all([loop.nextRound(never), loop.nextRound(never)])).toEqual([true, true])
  expect(rounds).toBe(3)
  await loop[Symbol.asyncDispose]()
})

test('who waits is told of a failure at once, also of the last one, and of a recovery by success', async () => {
  let broken = true
  const { loop, events } = startLoop(async () => {
    if (broken) throw new Error('the database is away')
  })
  expect(await loop.nextRound(never)).toBe(false)
  expect(await loop.nextRound(never)).toBe(false)
  broken = false
  await expect.poll(() => events).toEqual(['failed', 'recovered'])
  expect(await loop.nextRound(never)).toBe(true)
  await loop[Symbol.asyncDispose]()
})

test('waiting ends with the signal of the waiter, and with the loop', async () => {
  let release = () => {}
  const { loop } = startLoop(() => new Promise((resolve) => (release = resolve)))
  const giveUp = new AbortController()
  const waiting = loop.nextRound(giveUp.signal)
  giveUp.abort()
  expect(await waiting).toBe(false)
  const last = loop.nextRound(never)
  const stopped = loop[Symbol.asyncDispose]()
  release()
  expect(await last).toBe(false)
  await stopped
})
