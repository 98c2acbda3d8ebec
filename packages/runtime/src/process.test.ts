import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, onTestFinished, test } from 'vitest'

const example = fileURLToPath(new URL('../test/example-service.ts', import.meta.url))

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exit: Promise<number | null>
}

function start(env: Record<string, string>): Started {
  const child = spawn(process.execPath, [example], {
    env: { ...env, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  return {
    child,
    output: () => output,
    exit: once(child, 'exit').then(([status]) => status as number | null),
  }
}

async function untilStarted(started: Started): Promise<string> {
  const line = await eventually(() => /"admin":"([^"]+)"/.exec(started.output()) ?? false)
  return line[1] ?? ''
}

test('a service tells its health and metrics on the admin port, and ends cleanly on SIGTERM', async () => {
  const started = start({ ADMIN_PORT: '0' })
  const admin = await untilStarted(started)
  expect((await fetch(`${admin}/livez`)).status).toBe(200)
  expect(await (await fetch(`${admin}/readyz`)).json()).toEqual({
    status: 'ready',
    dependencies: { engine: 'away' },
  })
  expect(await (await fetch(`${admin}/metrics`)).text()).toContain('process_cpu_seconds_total')
  started.child.kill('SIGTERM')
  expect(await started.exit).toBe(0)
  expect(started.output()).toContain('"reason":"SIGTERM"')
  expect(started.output()).toContain('the example was disposed')
})

test('a service drains and ends when its supervisor goes away', async () => {
  const started = start({ ADMIN_PORT: '0', SUPERVISOR_FD: '3' })
  await untilStarted(started)
  ;(started.child.stdio[3] as { destroy(): void }).destroy()
  expect(await started.exit).toBe(0)
  expect(started.output()).toContain('the supervisor is gone')
})

test('a drain that hangs is ended at its bound with a status of its own', async () => {
  const started = start({ ADMIN_PORT: '0', DRAIN_TIMEOUT_MS: '100', EXAMPLE_HANGS: 'true' })
  await untilStarted(started)
  started.child.kill('SIGTERM')
  expect(await started.exit).toBe(3)
})

test('a configuration that is not valid is told in whole and ends with status 78', async () => {
  const started = start({ ADMIN_PORT: 'x', LOG_LEVEL: 'loud' })
  expect(await started.exit).toBe(78)
  expect(started.output()).toContain('ADMIN_PORT must be a whole number')
  expect(started.output()).toContain('LOG_LEVEL must be one of')
})

test('a rejection that nobody handles ends the process, with the cause in the log', async () => {
  const started = start({ ADMIN_PORT: '0', EXAMPLE_REJECTS: 'true' })
  expect(await started.exit).toBe(1)
  expect(started.output()).toContain('a defect of the example')
})
