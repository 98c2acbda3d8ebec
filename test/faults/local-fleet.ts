/** A fleet on one machine as a person has it: started by the launcher, in a home and on ports of its own, and ended somehow. */
import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readRunFile } from '@linkfleet/testkit/fleet'
import { freePortBase } from '@linkfleet/testkit/free-ports'
import { runLauncher } from '@linkfleet/testkit/launcher'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { expect } from 'vitest'

const launcher = fileURLToPath(new URL('../../deploy/local/bin/linkfleet.mjs', import.meta.url))

export async function until(
  what: string,
  timeoutMs: number,
  ask: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what} within ${timeoutMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

export async function expectNothingLeft(pids: number[], timeoutMs: number): Promise<void> {
  await until('some process went on', timeoutMs, () => !pids.some(isAlive))
}

export class LocalFleet implements AsyncDisposable {
  readonly home: string
  readonly portBase: number
  /** Codes of links created so far: each must still be followed after each start. */
  readonly #codes: string[] = []
  #starts = 0

  private constructor(home: string, portBase: number) {
    this.home = home
    this.portBase = portBase
  }

  static async open(): Promise<LocalFleet> {
    return new LocalFleet(await temporaryHome('lifecycle'), await freePortBase())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runLauncher(['stop', '--home', this.home])
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 })
  }

  get where(): string[] {
    return ['--home', this.home, '--port-base', String(this.portBase)]
  }

  /** `npm start` as a terminal has it: a process group of its own, to which Ctrl-C goes. */
  async startForeground(): Promise<{ child: ChildProcess; output: () => string }> {
    const child = spawn(process.execPath, [launcher, 'start', ...this.where], {
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

  async startDetached(): Promise<void> {
    const started = await runLauncher(['start', '--detach', ...this.where])
    expect(started.output).toContain('Ready in')
    expect(started.status).toBe(0)
  }

  async pids(): Promise<number[]> {
    const run = await readRunFile(this.home)
    return [...run.services, ...run.engines].map(({ pid }) => pid)
  }

  async supervisorPid(): Promise<number> {
    return ((await readRunFile(this.home)) as unknown as { supervisor: { pid: number } }).supervisor.pid
  }

  /** Every start so far followed each link that existed then. */
  async expectAllDataAndAddALink(): Promise<void> {
    await this.#expectEverythingKept((index) => this.#starts - index - 1)
    this.#starts += 1
    await this.#createLink()
  }

  async #createLink(): Promise<void> {
    const answer = await fetch(`http://localhost:${this.portBase + 1}/api/v1/links`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `https://example.com/lifecycle/${this.#codes.length}` }),
    })
    expect(answer.status).toBe(201)
    this.#codes.push(((await answer.json()) as { code: string }).code)
  }

  /** Follows each link once; the counts show that no click of an earlier run was lost or doubled. */
  async #expectEverythingKept(clicksBefore: (index: number) => number): Promise<void> {
    for (const [index, code] of this.#codes.entries()) {
      const answer = await fetch(`http://localhost:${this.portBase}/${code}`, { redirect: 'manual' })
      expect(answer.headers.get('location')).toBe(`https://example.com/lifecycle/${index}`)
      await until(`${code} was not counted`, 30_000, async () => {
        const stats = await fetch(`http://localhost:${this.portBase + 2}/api/v1/links/${code}/stats`)
        if (!stats.ok) return false
        return ((await stats.json()) as { total: number }).total === clicksBefore(index) + 1
      })
    }
  }
}
