/** Real processes of this service, and of its commands, on the engines of one test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { testKafkaBrokers } from '@linkfleet/testkit/engines'
import type { Fixture } from './fixture.ts'

const program = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url))

/** Ends with the test, by kill -9. */
export interface AnalyticsProcess extends AsyncDisposable {
  /** kill -9, and what comes after it. */
  kill(): Promise<void>
}

export function startAnalyticsProcess(
  fixture: Fixture,
  env: Readonly<Record<string, string>> = {},
): AnalyticsProcess {
  const child = spawn(process.execPath, [program('main.ts')], {
    stdio: 'ignore',
    env: {
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      ADMIN_PORT: '0',
      DATABASE_URL: fixture.database.url,
      KAFKA_BROKERS: testKafkaBrokers().join(','),
      SHORTENER_ADDRESSES: '127.0.0.1:1',
      CLICKS_TOPIC: fixture.topic,
      CLICKS_GROUP: fixture.group,
      CLICKS_SESSION_TIMEOUT_MS: '6000',
      INGEST_FETCH_BYTES_MAX: '65536',
      LOG_LEVEL: 'error',
      ...env,
    },
  })
  const kill = async () => await end(child)
  return { kill, [Symbol.asyncDispose]: kill }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

export interface Finished {
  readonly status: number | null
  readonly output: string
}

/** Runs a command of an operator to its end. */
export async function runCommand(
  command: 'rebuild' | 'dead-letters',
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const child = spawn(process.execPath, [program(`${command}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let output = ''
  const add = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output }
}
