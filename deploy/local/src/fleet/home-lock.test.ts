import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isHomeLocked, lockHome } from './home-lock.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-lock-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

test('a home has one supervisor at a time', () => {
  const lock = lockHome(home)
  expect(() => lockHome(home)).toThrow('A fleet runs already')
  expect(isHomeLocked(home)).toBe(true)
  lock[Symbol.dispose]()
  expect(isHomeLocked(home)).toBe(false)
})

test('a start that meets somebody who only looks waits for that moment', async () => {
  const module = new URL('home-lock.ts', import.meta.url).href
  const script = `import { lockHome } from ${JSON.stringify(module)}
    const lock = lockHome(${JSON.stringify(home)}); console.log('locked'); setTimeout(() => lock[Symbol.dispose](), 100)`
  const looker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(looker.stdout, 'data')
  lockHome(home)[Symbol.dispose]()
  await once(looker, 'exit')
})

test('a killed supervisor leaves no lock', async () => {
  const module = new URL('home-lock.ts', import.meta.url).href
  const script = `import { lockHome } from ${JSON.stringify(module)}
    globalThis.lock = lockHome(${JSON.stringify(home)}); console.log('locked'); setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(holder.stdout, 'data')
  expect(isHomeLocked(home)).toBe(true)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(isHomeLocked(home)).toBe(false)
})
