/**
 * However a fleet on one machine ends, nothing stays behind and the next start has all data. One home throughout;
 * each test begins with what the one before it left, as a person's days do.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isPortFree } from '@linkfleet/local/ports'
import { readRunFile } from '@linkfleet/testkit/fleet'
import { freePortBase } from '@linkfleet/testkit/free-ports'
import { runLauncher } from '@linkfleet/testkit/launcher'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { afterAll, beforeAll, expect, test } from 'vitest'

const launcher = fileURLToPath(new URL('../../deploy/local/bin/linkfleet.mjs', import.meta.url))
let home: string
let portBase: number
/** Codes of links created so far: each must still be followed after each start. */
const codes: string[] = []

beforeAll(async () => {
  home = await temporaryHome('lifecycle')
  portBase = await freePortBase()
})
afterAll(async () => {
  await runLauncher(['stop', '--home', home])
  await rm(home, { recursive: true, force: true, maxRetries: 5 })
})

const where = () => ['--home', home, '--port-base', String(portBase)]

async function until(what: string, timeoutMs: number, ask: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what} within ${timeoutMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** `npm start` as a terminal has it: a process group of its own, to which Ctrl-C goes. */
async function startForeground(): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, [launcher, 'start', ...where()], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  await until('the fleet was not ready', 180_000, () => {
    if (child.exitCode !== null) throw new Error(`the start ended:\n${output}`)
    return output.includes('Ready in')
  })
  return { child, output: () => output }
}

async function startDetached(): Promise<void> {
  const started = await runLauncher(['start', '--detach', ...where()])
  expect(started.output).toContain('Ready in')
  expect(started.status).toBe(0)
}

async function allPids(): Promise<number[]> {
  const run = await readRunFile(home)
  return [...run.services, ...run.engines].map(({ pid }) => pid)
}

async function supervisorPid(): Promise<number> {
  return ((await readRunFile(home)) as unknown as { supervisor: { pid: number } }).supervisor.pid
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

async function createLink(): Promise<void> {
  const answer = await fetch(`http://localhost:${portBase + 1}/api/v1/links`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: `https://example.com/lifecycle/${codes.length}` }),
  })
  expect(answer.status).toBe(201)
  codes.push(((await answer.json()) as { code: string }).code)
}

/** Follows each link once; the counts show that no click of an earlier run was lost or doubled. */
async function expectEverythingKept(clicksBefore: (index: number) => number): Promise<void> {
  for (const [index, code] of codes.entries()) {
    const answer = await fetch(`http://localhost:${portBase}/${code}`, { redirect: 'manual' })
    expect(answer.headers.get('location')).toBe(`https://example.com/lifecycle/${index}`)
    await until(`${code} was not counted`, 30_000, async () => {
      const stats = await fetch(`http://localhost:${portBase + 2}/api/v1/links/${code}/stats`)
      if (!stats.ok) return false
      return ((await stats.json()) as { total: number }).total === clicksBefore(index) + 1
    })
  }
}

let starts = 0
/** Every start so far followed each link that existed then. */
async function expectAllDataAndAddALink(): Promise<void> {
  await expectEverythingKept((index) => starts - index - 1)
  starts += 1
  await createLink()
}

async function expectNothingLeft(pids: number[], timeoutMs: number): Promise<void> {
  await until('some process went on', timeoutMs, () => !pids.some(isAlive))
}

test('Ctrl-C stops services and engines, and leaves nothing running', async () => {
  const { child, output } = await startForeground()
  await expectAllDataAndAddALink()
  const pids = await allPids()
  expect(pids.length).toBeGreaterThanOrEqual(10)
  expect((await stat(join(home, 'admin.key'))).mode & 0o777).toBe(0o600)
  process.kill(-(child.pid ?? 0), 'SIGINT')
  const [status] = (await once(child, 'exit')) as [number]
  expect(output()).toContain('stopped. Everything is kept')
  expect(status).toBe(0)
  await expectNothingLeft(pids, 1_000)
})

test('SIGTERM to the launcher alone stops everything, and the next start has all data', async () => {
  const { child } = await startForeground()
  await expectAllDataAndAddALink()
  const pids = await allPids()
  child.kill('SIGTERM')
  await once(child, 'exit')
  await expectNothingLeft(pids, 1_000)
})

test('kill -9 of the supervisor leaves nothing behind, and the next start has all data', async () => {
  await startDetached()
  await expectAllDataAndAddALink()
  const pids = await allPids()
  process.kill(await supervisorPid(), 'SIGKILL')
  await expectNothingLeft(pids, 40_000)
})

test('kill -9 of everything at once is followed by a clean start with all data', async () => {
  await startDetached()
  await expectAllDataAndAddALink()
  for (const pid of [await supervisorPid(), ...(await allPids())]) process.kill(pid, 'SIGKILL')
  await startDetached()
  await expectAllDataAndAddALink()
})

test('a service that dies is started again, which is said, and run.json has its new process', async () => {
  const before = (await readRunFile(home)).services.find(({ name }) => name === 'redirect')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await until('redirect did not come back', 60_000, async () => {
    const now = (await readRunFile(home)).services.find(({ name }) => name === 'redirect')
    if (!now || now.pid === before?.pid) return false
    return fetch(`${now.admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  const log = await readFile(join(home, 'logs', 'supervisor.log'), 'utf8')
  expect(log).toMatch(/redirect-1 was ended by SIGKILL; it is started again in/)
})

test('an engine that dies is started again', async () => {
  const before = (await readRunFile(home)).engines.find(({ name }) => name === 'redis')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await until('redis did not come back', 60_000, async () => {
    const now = (await readRunFile(home)).engines.find(({ name }) => name === 'redis')
    return now !== undefined && now.pid !== before?.pid && isAlive(now.pid)
  })
})

test('a second start in the same home is refused in one sentence', async () => {
  const second = await runLauncher(['start', ...where()])
  expect(second.status).toBe(1)
  expect(second.output.trim().split('\n')).toHaveLength(1)
  expect(second.output).toContain('A fleet runs already')
})

test('a port in use is told with a --port-base that works', async () => {
  await using elsewhere = await anotherHome()
  const refused = await runLauncher(['start', '--home', elsewhere.home, '--port-base', String(portBase)])
  expect(refused.status).toBe(1)
  expect(refused.output.trim().split('\n')).toHaveLength(1)
  const suggested = Number(/--port-base (\d+)/.exec(refused.output)?.[1])
  expect(await isPortFree(suggested)).toBe(true)
  expect(await isPortFree(suggested + 1)).toBe(true)
})

test('stop ends a fleet in the background; status then says that none runs', async () => {
  const pids = await allPids()
  expect((await runLauncher(['stop', '--home', home])).status).toBe(0)
  await expectNothingLeft(pids, 1_000)
  const status = await runLauncher(['status', '--home', home])
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
