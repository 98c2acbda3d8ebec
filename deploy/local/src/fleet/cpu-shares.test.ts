import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { CpuShares, setNiceness } from './cpu-shares.ts'

const children: ReturnType<typeof spawn>[] = []

/** In a session of its own, as services and engines are. */
function sleeper(): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true })
  children.push(child)
  return child.pid as number
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

const autogroupOf = (pid: number) =>
  Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1])

describe('the shares of a crowded machine', () => {
  it.runIf(existsSync('/proc/self/autogroup'))('weigh sessions where the kernel does', async () => {
    const pid = sleeper()
    await setNiceness(pid, 5)
    expect(getPriority(pid)).toBe(5)
    expect(autogroupOf(pid)).toBe(5)
  })

  it('put what works in the background behind what answers', async () => {
    const [redirect, kafka, redis] = [sleeper(), sleeper(), sleeper()]
    const shares = new CpuShares()
    shares.give([
      { name: 'redis', pid: redis },
      { name: 'kafka-1', pid: kafka },
      { name: 'redirect', pid: redirect },
    ])
    expect(getPriority(kafka)).toBeGreaterThan(getPriority(redis))
    expect(getPriority(redis)).toBeGreaterThanOrEqual(getPriority(redirect))
  })

  it('are given once to a process, so that an operator may change them', () => {
    const pid = sleeper()
    const shares = new CpuShares()
    shares.give([{ name: 'prometheus', pid }])
    setPriority(pid, 15)
    shares.give([{ name: 'prometheus', pid }])
    expect(getPriority(pid)).toBe(15)
  })

  it('do not care about a process that is gone', async () => {
    const pid = sleeper()
    const child = children.pop() as ReturnType<typeof spawn>
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect(setNiceness(pid, 5)).resolves.toBeUndefined()
  })
})
