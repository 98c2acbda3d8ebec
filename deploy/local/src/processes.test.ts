import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Ledger } from './ledger.ts'
import { endProcess, identifyProcess, isSameProcessAlive } from './process-identity.ts'
import { type EngineCommand, startEngineProcess } from './processes.ts'
import { waitFor } from './wait.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linkfleet-processes-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function command(script: string): EngineCommand {
  return {
    name: 'pretend',
    program: '/bin/sh',
    args: ['-c', script],
    cwd: folder,
    logFile: join(folder, 'pretend.log'),
    stopSignal: 'TERM',
    stopTimeoutSeconds: 5,
  }
}

/** Says when it runs, and writes down that it was asked to stop. */
const obedient = `trap 'echo saved > saved; exit 0' TERM; echo up > up; while :; do sleep 0.05; done`

const saved = () =>
  readFile(join(folder, 'saved'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
const isUp = () =>
  readFile(join(folder, 'up'), 'utf8').then(
    () => true as const,
    () => undefined,
  )
const soon = { timeoutMs: 10_000 }

describe('an engine process', () => {
  test('has the process id that we are told, in a session of its own', async () => {
    await using engine = startEngineProcess(command('echo $$ > pid; sleep 30'))
    const read = () => readFile(join(folder, 'pid'), 'utf8').catch(() => '')
    await waitFor({ what: 'no pid', ...soon }, async () => Number(await read()) || undefined)
    expect(Number(await read())).toBe(engine.pid)
    if (process.platform === 'linux') {
      const stat = await readFile(`/proc/${engine.pid}/stat`, 'utf8')
      expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]).toBe(String(engine.pid))
    }
  })

  test('is stopped its own way', async () => {
    const engine = startEngineProcess(command(obedient))
    await waitFor({ what: 'it did not come up', ...soon }, isUp)
    await engine.stop()
    expect(engine.isRunning()).toBe(false)
    expect(await saved()).toBe('saved')
  })

  test('is ended by force when it does not listen', async () => {
    const engine = startEngineProcess({
      ...command("trap '' TERM; echo up > up; while :; do sleep 0.05; done"),
      stopTimeoutSeconds: 1,
    })
    await waitFor({ what: 'it did not come up', ...soon }, isUp)
    await engine.stop()
    expect(await engine.exited).toContain('SIGKILL')
  })

  test('is stopped its own way when the process that holds it is killed without a word', async () => {
    const module = new URL('processes.ts', import.meta.url).href
    const holderScript = `import { startEngineProcess } from ${JSON.stringify(module)}
      const engine = startEngineProcess(${JSON.stringify(command(obedient))})
      console.log(engine.pid); setInterval(() => {}, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', holderScript], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pid = await new Promise<number>((resolve) =>
      holder.stdout.once('data', (chunk) => resolve(Number(chunk))),
    )
    const engine = identifyProcess(pid)
    await waitFor({ what: 'it did not come up', ...soon }, isUp)
    holder.kill('SIGKILL')
    await waitFor({ what: 'it went on', ...soon }, async () =>
      isSameProcessAlive(engine) ? undefined : true,
    )
    expect(await saved()).toBe('saved')
  })

  test('that cannot be started says so', async () => {
    const engine = startEngineProcess({ ...command(''), program: join(folder, 'nothing') })
    expect(await engine.exited).toMatch(/ended with code 12[67]/)
  })
})

describe('leftovers', () => {
  test('of an earlier start are ended', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    new Ledger(folder).add({
      ...identifyProcess(child.pid ?? 0),
      name: 'left',
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 5_000,
    })
    expect(await new Ledger(folder).reap()).toEqual(['left'])
    expect(isSameProcessAlive(identifyProcess(child.pid ?? 0))).toBe(false)
    expect(await new Ledger(folder).reap()).toEqual([])
  })

  test('whose number another process was given since are left alone', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    const identity = identifyProcess(child.pid ?? 0)
    const line = { name: 'other', stopSignal: 'SIGTERM', stopTimeoutMs: 100 } as const
    const ledger = new Ledger(folder)
    ledger.add({ ...identity, ...line, startedAt: '1' })
    ledger.add({ ...identity, ...line, bootId: 'another boot' })
    expect(await ledger.reap()).toEqual([])
    expect(isSameProcessAlive(identity)).toBe(true)
    await endProcess(identity, 'SIGKILL', 1_000)
  })
})
