/**
 * However a fleet on one machine ends, nothing stays behind and the next start has all data. One home throughout;
 * each test begins with what the one before it left, as a person's days do.
 */
import { once } from 'node:events'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isPortFree } from '@linkfleet/local/ports'
import { readRunFile } from '@linkfleet/testkit/fleet'
import { freePortBase } from '@linkfleet/testkit/free-ports'
import { runLauncher } from '@linkfleet/testkit/launcher'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectNothingLeft, isAlive, LocalFleet, until } from './local-fleet.ts'

let fleet: LocalFleet

beforeAll(async () => {
  fleet = await LocalFleet.open()
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

test('Ctrl-C stops services and engines, and leaves nothing running', async () => {
  const { child, output } = await fleet.startForeground()
  await fleet.expectAllDataAndAddALink()
  const pids = await fleet.pids()
  expect(pids.length).toBeGreaterThanOrEqual(10)
  expect((await stat(join(fleet.home, 'admin.key'))).mode & 0o777).toBe(0o600)
  process.kill(-(child.pid ?? 0), 'SIGINT')
  const [status] = (await once(child, 'exit')) as [number]
  expect(output()).toContain('stopped. Everything is kept')
  expect(status).toBe(0)
  await expectNothingLeft(pids, 1_000)
})

test('SIGTERM to the launcher alone stops everything, and the next start has all data', async () => {
  const { child } = await fleet.startForeground()
  await fleet.expectAllDataAndAddALink()
  const pids = await fleet.pids()
  child.kill('SIGTERM')
  await once(child, 'exit')
  await expectNothingLeft(pids, 1_000)
})

test('kill -9 of the supervisor leaves nothing behind, and the next start has all data', async () => {
  await fleet.startDetached()
  await fleet.expectAllDataAndAddALink()
  const pids = await fleet.pids()
  process.kill(await fleet.supervisorPid(), 'SIGKILL')
  await expectNothingLeft(pids, 40_000)
})

test('a service that dies is started again, which is said, and run.json has its new process', async () => {
  await fleet.startDetached()
  await fleet.expectAllDataAndAddALink()
  const before = (await readRunFile(fleet.home)).services.find(({ name }) => name === 'redirect')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await until('redirect did not come back', 60_000, async () => {
    const now = (await readRunFile(fleet.home)).services.find(({ name }) => name === 'redirect')
    if (!now || now.pid === before?.pid) return false
    return fetch(`${now.admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  const log = await readFile(join(fleet.home, 'logs', 'supervisor.log'), 'utf8')
  expect(log).toMatch(/redirect-1 was ended by SIGKILL; it is started again in/)
})

test('an engine that dies is started again', async () => {
  const before = (await readRunFile(fleet.home)).engines.find(({ name }) => name === 'redis')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await until('redis did not come back', 60_000, async () => {
    const now = (await readRunFile(fleet.home)).engines.find(({ name }) => name === 'redis')
    return now !== undefined && now.pid !== before?.pid && isAlive(now.pid)
  })
})

test('a second start in the same home is refused in one sentence', async () => {
  const second = await runLauncher(['start', ...fleet.where])
  expect(second.status).toBe(1)
  expect(second.output.trim().split('\n')).toHaveLength(1)
  expect(second.output).toContain('A fleet runs already')
})

test('a port in use is told with a --port-base that works', async () => {
  await using elsewhere = await anotherHome()
  const refused = await runLauncher([
    'start',
    '--home',
    elsewhere.home,
    '--port-base',
    String(fleet.portBase),
  ])
  expect(refused.status).toBe(1)
  expect(refused.output.trim().split('\n')).toHaveLength(1)
  const suggested = Number(/--port-base (\d+)/.exec(refused.output)?.[1])
  expect(await isPortFree(suggested)).toBe(true)
  expect(await isPortFree(suggested + 1)).toBe(true)
})

test('stop ends a fleet in the background; status then says that none runs', async () => {
  const pids = await fleet.pids()
  expect((await runLauncher(['stop', '--home', fleet.home])).status).toBe(0)
  await expectNothingLeft(pids, 1_000)
  const status = await runLauncher(['status', '--home', fleet.home])
  expect(status.status).toBe(3)
  expect(status.output).toContain('No fleet runs')
})

test('without Java and without a way to fetch it, the start ends with one sentence and nothing runs', async () => {
  await using elsewhere = await anotherHome()
  const base = await freePortBase()
  const env = { PATH: elsewhere.home, JAVA_HOME: '', LINKFLEET_CACHE: join(elsewhere.home, 'cache') }
  const refused = await runLauncher(['start', '--home', elsewhere.home, '--port-base', String(base)], env)
  expect(refused.status).toBe(1)
  const sentences = refused.output.split('\n').filter((line) => line.startsWith('linkfleet: '))
  expect(sentences).toHaveLength(1)
  expect(sentences[0]).toContain('no Java 17 or later')
  expect(JSON.parse(await readFile(join(elsewhere.home, 'processes.json'), 'utf8'))).toEqual([])
})

async function anotherHome(): Promise<{ home: string } & AsyncDisposable> {
  const other = await temporaryHome('lifecycle')
  const remove = () => rm(other, { recursive: true, force: true, maxRetries: 5 })
  return { home: other, [Symbol.asyncDispose]: remove }
}
