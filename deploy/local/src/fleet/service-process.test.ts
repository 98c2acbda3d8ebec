import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Ledger } from '../ledger.ts'
import { ServiceProcess } from './service-process.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-service-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

test('a service that starts while the disk is full serves on and is stopped like any other', async () => {
  const said: string[] = []
  const ledger = new Ledger(home)
  ledger.add = () => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
  const command = {
    name: 'pretend-1',
    program: '/bin/sleep',
    args: ['60'],
    cwd: home,
    env: {},
    logFile: join(home, 'pretend.log'),
    readyUrl: 'http://127.0.0.1:1/readyz',
  }
  const service = new ServiceProcess(command, ledger, {
    changed() {},
    say: (sentence) => said.push(sentence),
  })
  service.start()
  const pid = service.pid as number
  expect(said.join()).toContain('disk is full')
  await service.stop()
  expect(service.pid).toBeUndefined()
  expect(() => process.kill(pid, 0)).toThrow()
})
