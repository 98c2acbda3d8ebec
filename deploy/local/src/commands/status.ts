/** `npm run status`: what runs and how healthy it is. Ends with 0 only when everything is up. */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { doesEngineAnswer } from '../engines/engine-health.ts'
import { makeLoginToken } from '../fleet/admin-key.ts'
import { isHomeLocked } from '../fleet/home-lock.ts'
import { readHome } from '../fleet/options.ts'
import { adminKeyFile, shownUrl } from '../fleet/plan.ts'
import { type RunFile, type RunService, readRunFile } from '../fleet/run-file.ts'
import { formatTable } from '../fleet/table.ts'

const ASK_TIMEOUT_MS = 2_000
/** As init scripts have it: 3 means not running. */
const NOT_RUNNING = 3

export async function status(args: string[], checkout: string): Promise<number> {
  const home = readHome(args, checkout)
  const run = readRunFile(home)
  if (!run || !existsSync(home) || !isHomeLocked(home)) {
    console.log(`No fleet runs in ${home}.`)
    return NOT_RUNNING
  }
  const health = await Promise.all(run.services.map(askReady))
  console.log(formatTable(['service', 'pid', 'address', 'health'], serviceRows(run, health)))
  console.log()
  const engines = await Promise.all(run.engines.map(askEngine))
  const engineRows = run.engines.map(({ name, pid, url }, index) => [
    name,
    String(pid),
    url,
    engines[index] ?? '',
  ])
  console.log(formatTable(['engine', 'pid', 'address', 'health'], engineRows))
  const login = await newLogin(home, run)
  if (login !== null) console.log(`\nconsole  ${login}\n         (this login works once, within ten minutes)`)
  const healthy = health.every((answer) => answer === 'ready') && engines.every((answer) => answer === 'up')
  return healthy ? 0 : 1
}

/** A login for whoever has used up the one of the start; null when the fleet cannot give one right now. */
async function newLogin(home: string, run: RunFile): Promise<string | null> {
  const urlOf = (name: string) => run.services.find((service) => service.name === name)?.url
  const shortenerUrl = urlOf('shortener')
  const consoleUrl = urlOf('console')
  if (!shortenerUrl || !consoleUrl) return null
  try {
    const adminKey = (await readFile(adminKeyFile(home), 'utf8')).trim()
    const token = await makeLoginToken(shortenerUrl, adminKey, AbortSignal.timeout(ASK_TIMEOUT_MS))
    const { hostname, port } = new URL(consoleUrl)
    return `${shownUrl(hostname, Number(port))}/login?token=${encodeURIComponent(token)}`
  } catch {
    return null
  }
}

function serviceRows(run: RunFile, health: string[]): string[][] {
  return run.services.map(({ instance, pid, url, grpc }, index) => [
    instance,
    String(pid),
    url ?? `grpc ${grpc}`,
    health[index] ?? '',
  ])
}

/** Its own word, and which of its dependencies it misses. */
async function askReady({ admin }: RunService): Promise<string> {
  try {
    const answer = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) })
    const body = (await answer.json()) as { dependencies?: Record<string, unknown> }
    const away = Object.entries(body.dependencies ?? {}).filter(([, state]) => !isFine(String(state)))
    const missing = away.map(([name, state]) => `${name} ${String(state)}`).join(', ')
    return `${answer.ok ? 'ready' : 'not ready'}${missing ? ` (${missing})` : ''}`
  } catch {
    return 'does not answer'
  }
}

/** A dependency nobody needed yet is no trouble, and some are several in one. */
function isFine(state: string): boolean {
  return /^(up(, up)*|not (tried|asked) yet)$/.test(state)
}

async function askEngine({ name, pid, url }: RunFile['engines'][number]): Promise<string> {
  if (!isAlive(pid)) return 'gone'
  return (await doesEngineAnswer(name, url, ASK_TIMEOUT_MS)) ? 'up' : 'does not answer'
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
