/** Services as the processes they are in a deployment, on free ports, with the measured one on a core of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeEnvironmentOf, nodeFlagsOf } from '@linkfleet/local/fleet/node-settings'
import { type ServiceName, serviceNames } from '@linkfleet/local/fleet/plan'
import { freePort } from '@linkfleet/local/ports'
import { eventually } from '@linkfleet/testkit/eventually'
import type { Cores } from './cores.ts'

export interface ServiceOptions {
  /** The folder below services/, or the bare server to compare with. */
  readonly program: 'id-generator' | 'shortener' | 'redirect' | 'analytics' | 'bare-http' | 'bare-fastify'
  readonly core: 'measured' | 'other'
  readonly env?: Readonly<Record<string, string>>
}

export interface ServiceProcess {
  readonly name: string
  readonly pid: number
  readonly port: number
  /** host:port */
  readonly grpcAddress: string
  readonly url: string
  readonly adminUrl: string
  /** Lets it drain, and ends it by force after its bound. */
  stop(): Promise<void>
}

export interface ServicePlace {
  readonly home: string
  readonly cores: Cores
  /** The file to run for a service. */
  readonly programOf: (service: ServiceName) => Promise<string>
  /** A folder for CPU profiles of what runs on the measured core. */
  readonly profileDir: string | undefined
  /** Told in a few words what is done now. */
  readonly say: (words: string) => void
  readonly signal: AbortSignal
}

export const checkout = fileURLToPath(new URL('../..', import.meta.url))
const loopback = '127.0.0.1'
const readyWithinMs = 30_000
const stopWithinMs = 15_000
const logLinesShown = 5

const isService = (program: string): program is ServiceName =>
  (serviceNames as readonly string[]).includes(program)

async function commandOf(
  program: ServiceOptions['program'],
  { programOf }: ServicePlace,
): Promise<readonly [string, ...string[]]> {
  if (isService(program)) return [await programOf(program)]
  return [fileURLToPath(new URL('./bare-server.ts', import.meta.url)), program.replace(/^bare-/, '')]
}

/** Resolves when it is ready. The caller stops it. */
export async function startServiceProcess(
  options: ServiceOptions,
  place: ServicePlace,
): Promise<ServiceProcess> {
  const { program, core } = options
  const [port, grpcPort, adminPort] = await Promise.all([freePort(), freePort(), freePort()])
  const profile = core === 'measured' && place.profileDir !== undefined
  const flags = [
    ...(isService(program) ? nodeFlagsOf(program) : []),
    ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${join(place.profileDir ?? '', program)}`] : []),
  ]
  const [command, ...args] = place.cores.commandOn(core, process.execPath, [
    ...flags,
    ...(await commandOf(program, place)),
  ])
  const logFile = join(place.home, `${program}-${adminPort}.log`)
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, {
    stdio: ['ignore', log, log, 'pipe'],
    // A session of its own, as in a deployment: where Linux weighs sessions, that of the load would be its rival.
    detached: true,
    env: {
      ...(isService(program) ? nodeEnvironmentOf(program, checkout) : {}),
      PATH: process.env.PATH,
      INSTANCE: `${program}-1`,
      HTTP_PORT: String(port),
      GRPC_PORT: String(grpcPort),
      ADMIN_PORT: String(adminPort),
      PORT: String(port),
      // It ends with us, however we end.
      SUPERVISOR_FD: '3',
      LOG_LEVEL: 'warn',
      ...options.env,
    },
  })
  closeSync(log)
  // A program that cannot be started says so by its missing exit status below.
  child.on('error', () => {})
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  const stop = async (): Promise<void> => {
    if (hasEnded()) return
    const ended = once(child, 'exit')
    const force = setTimeout(() => {
      place.say(`${program} did not end within ${stopWithinMs / 1_000} s, and is ended by force`)
      child.kill('SIGKILL')
    }, stopWithinMs)
    child.kill('SIGTERM')
    await ended
    clearTimeout(force)
  }
  const adminUrl = `http://${loopback}:${adminPort}`
  const url = `http://${loopback}:${port}`
  const probe = program.startsWith('bare-') ? `${url}/probe` : `${adminUrl}/readyz`
  const isReady = async () => {
    if (hasEnded()) return true
    const { status } = await fetch(probe, { redirect: 'manual', signal: AbortSignal.timeout(2_000) })
    return status === 200 || status === 302
  }
  try {
    await eventually(isReady, { withinMs: readyWithinMs, everyMs: 50, signal: place.signal })
    if (hasEnded()) throw new Error('It ended before it was ready.')
  } catch (cause) {
    await stop()
    place.signal.throwIfAborted()
    const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-logLinesShown)
    throw new Error([`${program} did not start. Its log ends:`, ...lines].join('\n'), { cause })
  }
  const grpcAddress = `${loopback}:${grpcPort}`
  return { name: program, pid: child.pid!, port, grpcAddress, url, adminUrl, stop }
}
