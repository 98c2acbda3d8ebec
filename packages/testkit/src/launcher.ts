/** The commands of this workspace (`npm start`, `npm run stop`), as tests run them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../../deploy/local/bin/linkfleet.mjs', import.meta.url))

export interface Finished {
  readonly status: number | null
  readonly output: string
}

/** Runs a command to its end. */
export async function runLauncher(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output }
}
