import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { getPriority } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { yieldToOthers } from './priority.ts'
import { descendantsOf } from './process-times.ts'

/** These tests may themselves run at a lower priority. */
const ours = getPriority()
const yielding = Math.max(10, ours)
const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) process.kill(-child.pid!, 'SIGKILL')
})

/** A shell with a child of its own. */
async function startTwo(): Promise<number[]> {
  const child = spawn('sh', ['-c', 'sleep 60 & echo started; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  started.push(child)
  await once(child.stdout!, 'data')
  return descendantsOf([child.pid!])
}

test.runIf(process.platform === 'linux')('a group yields with all that descends from it', async () => {
  const pids = await startTwo()
  expect(pids).toHaveLength(2)
  await yieldToOthers([{ name: 'two', pids: pids.slice(0, 1), withDescendants: true }])
  expect(pids.map(getPriority)).toEqual([yielding, yielding])
})

test.runIf(process.platform === 'linux')('what is not of the group does not', async () => {
  const pids = await startTwo()
  const [shell, child] = pids as [number, number]
  await yieldToOthers([{ name: 'shell', pids: [shell], withDescendants: false }])
  expect(getPriority(shell)).toBe(yielding)
  expect(getPriority(child)).toBe(ours)
})
