import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { identifyProcess, isSameProcessAlive } from '@linkfleet/local/process-identity'
import { expect, onTestFinished, test, vi } from 'vitest'
import { removeAbandonedHomes, temporaryHome } from './temporary-home.ts'

/** Its engine's guard, a child of the engine, is killed with it: otherwise that ends the engine, sooner or later. */
const ownerText = `
import { readdirSync, readFileSync } from 'node:fs'
import { startEngines } from '@linkfleet/local/engines'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
const home = await temporaryHome('killed')
const { processes } = await startEngines({ home, ports: 'free', which: ['redis'] })
const engine = processes[0].pid
for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
  let parent
  try {
    parent = readFileSync('/proc/' + pid + '/stat', 'utf8').replace(/^.*[)] . /s, '').split(' ')[0]
  } catch {}
  if (Number(parent) === engine) process.kill(Number(pid), 'SIGKILL')
}
process.stdout.write(JSON.stringify({ home, engine }), () => process.kill(process.pid, 'SIGKILL'))`

const hasProc = existsSync('/proc/self/stat')

test.runIf(hasProc)(
  'what a killed test left running is ended, and its home removed; that of a living one stays',
  async () => {
    // A folder of its own for homes: in the common one another test run may clear away the one that is looked at.
    const homes = await mkdtemp(join(tmpdir(), 'homes-of-a-test-'))
    vi.stubEnv('TMPDIR', homes)
    onTestFinished(async () => {
      await removeAbandonedHomes()
      vi.unstubAllEnvs()
      await rm(homes, { recursive: true, force: true })
    })
    const mine = await temporaryHome('alive')
    const args = ['--input-type=module', '--eval', ownerText]
    const owner = spawn(process.execPath, args, {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [told] = await Promise.all([text(owner.stdout), once(owner, 'close')])
    const left = JSON.parse(told) as { home: string; engine: number }
    const engine = identifyProcess(left.engine)
    expect(isSameProcessAlive(engine)).toBe(true)
    expect(await removeAbandonedHomes()).toBe(1)
    expect(existsSync(left.home)).toBe(false)
    expect(isSameProcessAlive(engine)).toBe(false)
    expect(existsSync(mine)).toBe(true)
  },
)
