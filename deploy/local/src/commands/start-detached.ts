/** Starts the fleet in a session of its own and returns once it is ready, or with the reason why it is not. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FleetOptions } from '../fleet/options.ts'
import { onLauncherGone } from '../launcher-pipe.ts'

const SHOW_MS = 300

export async function startDetached(
  args: string[],
  options: FleetOptions,
  checkout: string,
): Promise<number> {
  const log = join(options.home, 'logs', 'supervisor.log')
  mkdirSync(join(options.home, 'logs'), { recursive: true })
  let shown = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  const fd = openSync(log, 'a')
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const { LAUNCHER_FD: _, ...env } = process.env
  const child = spawn(process.execPath, [...process.execArgv, main, 'start', ...withoutDetach(args)], {
    cwd: process.cwd(),
    env,
    detached: true,
    stdio: ['ignore', fd, fd, 'ipc'],
  })
  closeSync(fd)
  const stop = () => child.kill('SIGTERM')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  onLauncherGone(stop)
  const show = () => {
    const fresh = readFileSync(log).subarray(shown)
    shown += fresh.length
    if (fresh.length > 0) process.stdout.write(fresh)
  }
  const timer = setInterval(show, SHOW_MS)
  const result = await new Promise<'ready' | number>((resolve, reject) => {
    child.once('message', () => resolve('ready'))
    child.once('exit', (code) => resolve(code ?? 1))
    child.once('error', reject)
  })
  clearInterval(timer)
  show()
  if (result !== 'ready') return result === 0 ? 1 : result
  child.unref()
  console.log(
    `linkfleet: it goes on in the background (log: ${log}); end it with: npm run stop${homeHint(options, checkout)}`,
  )
  return 0
}

function withoutDetach(args: string[]): string[] {
  return args.filter((arg) => arg !== '--detach')
}

function homeHint(options: FleetOptions, checkout: string): string {
  return options.home === join(checkout, '.linkfleet') ? '' : ` -- --home ${options.home}`
}
