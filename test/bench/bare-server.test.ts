import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from '@linkfleet/local/ports'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('./bare-server.ts', import.meta.url))

async function startBareServer(kind: 'http' | 'fastify') {
  const port = await freePort()
  const child = spawn(process.execPath, [program, kind], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { PATH: process.env.PATH, PORT: String(port), SUPERVISOR_FD: '3' },
  })
  const get = () =>
    fetch(`http://127.0.0.1:${port}/Ab3xY9`, { redirect: 'manual', signal: AbortSignal.timeout(2_000) })
  await eventually(() => get().then(() => true), { withinMs: 20_000, everyMs: 50 })
  return {
    child,
    get,
    untilEnded: () => eventually(() => child.exitCode === 0, { withinMs: 5_000, everyMs: 10 }),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}

test.for(['http', 'fastify'] as const)('bare %s redirects, and ends at once when told to', async (kind) => {
  using server = await startBareServer(kind)
  const { status, headers } = await server.get()
  expect(status).toBe(302)
  expect(headers.get('location')).toBe('https://example.com/landing/Ab3xY9')
  server.child.kill('SIGTERM')
  await server.untilEnded()
})

test('a bare server ends with whoever started it', async () => {
  using server = await startBareServer('http')
  server.child.stdio[3]?.destroy()
  await server.untilEnded()
})
