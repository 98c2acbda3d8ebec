/** One process of a fleet, which a test kills, freezes and starts again by hand: no supervisor brings it back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '@linkfleet/testkit/eventually'

export type Program = 'id-generator' | 'shortener' | 'redirect' | 'analytics'

export interface Member {
  readonly name: string
  readonly program: Program
  readonly url: string
  /** host:port of gRPC */
  readonly address: string
  readonly admin: string
  /** Starts it on the ports it had before, and waits until it is ready. */
  start(): Promise<void>
  /** Sends the signal and waits for the end. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  freeze(): void
  thaw(): void
  /** The value of a counter or gauge without labels. */
  metric(name: string): Promise<number>
}

/** A machine that starts and kills much else at the same time is slow. */
const readyWithinMs = 180_000

export function createMember(options: {
  name: string
  program: Program
  firstPort: number
  env: Record<string, string>
}): Member {
  const { name, program, firstPort } = options
  const main = fileURLToPath(new URL(`../../services/${program}/src/main.ts`, import.meta.url))
  const admin = `http://127.0.0.1:${firstPort + 2}`
  let child: ChildProcess | undefined
  const hasEnded = () => child === undefined || child.exitCode !== null || child.signalCode !== null

  return {
    name,
    program,
    url: `http://127.0.0.1:${firstPort}`,
    address: `127.0.0.1:${firstPort + 1}`,
    admin,
    async start() {
      child = spawn(process.execPath, [main], {
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
        env: {
          PATH: process.env.PATH,
          INSTANCE: name,
          HTTP_PORT: String(firstPort),
          GRPC_PORT: String(firstPort + 1),
          ADMIN_PORT: String(firstPort + 2),
          // It ends with the test, however that ends.
          SUPERVISOR_FD: '3',
          ...options.env,
        },
      })
      await eventually(
        async () => {
          if (hasEnded()) return true
          return (await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok
        },
        { withinMs: readyWithinMs, everyMs: 50 },
      )
      if (hasEnded()) throw new Error(`${name} ended before it was ready.`)
    },
    async kill(signal) {
      if (child === undefined || hasEnded()) return
      const ended = once(child, 'exit')
      child.kill(signal)
      // A frozen process takes only SIGKILL.
      if (signal === 'SIGTERM') child.kill('SIGCONT')
      await ended
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async metric(metric) {
      const page = await (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()
      const value = new RegExp(`^${metric} (\\S+)$`, 'm').exec(page)?.[1]
      if (value === undefined) throw new Error(`${name} has no metric ${metric}.`)
      return Number(value)
    },
  }
}
