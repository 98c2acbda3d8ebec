// A real id-generator process for tests, on free ports.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Row } from '@linkfleet/runtime/postgres'

export interface GeneratorProcess extends AsyncDisposable {
  readonly grpcAddress: string
  readonly adminUrl: string
  /** Sends the signal and waits for the end; the exit status, or null when the signal ended it. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
  /** Stops its clock: it neither answers nor renews its leases until `thaw`. */
  freeze(): void
  thaw(): void
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

export async function startProcess(options: {
  databaseUrl: string
  replicaUrls: readonly string[]
  shardsLeased?: number
  leaseTtlMs?: number
}): Promise<GeneratorProcess> {
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: options.databaseUrl,
      DATABASE_REPLICA_URLS: options.replicaUrls.join(','),
      SHARDS_LEASED: String(options.shardsLeased ?? 4),
      SHARD_LEASE_TTL_MS: String(options.leaseTtlMs ?? 15_000),
      GRPC_PORT: '0',
      ADMIN_PORT: '0',
    },
  })
  const { grpc, admin } = await untilListening(child)

  async function kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    }
    return child.exitCode
  }

  return {
    grpcAddress: grpc,
    adminUrl: admin,
    kill,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      await kill('SIGKILL')
    },
  }
}

/** Its log tells where it listens. The lines after that are read too, or the pipe would fill and stop it. */
function untilListening(child: ChildProcess): Promise<{ grpc: string; admin: string }> {
  const found: { grpc?: string; admin?: string } = {}
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout! })
    lines.on('line', (line) => {
      const entry = JSON.parse(line) as { grpc?: string; admin?: string }
      Object.assign(found, entry.grpc && { grpc: entry.grpc }, entry.admin && { admin: entry.admin })
      if (found.grpc !== undefined && found.admin !== undefined)
        resolve({ grpc: found.grpc, admin: found.admin })
    })
    child.once('exit', (code) =>
      reject(new Error(`id-generator ended with status ${code} before it listened`)),
    )
  })
}

export async function runOnDatabase(url: string, statement: string): Promise<Row[]> {
  const bounds = { maxConnections: 1, statementTimeoutMs: 10_000, connectTimeoutMs: 5_000 }
  await using pool = openPool({ url, name: 'id-generator-test', ...bounds, log: silentLogger() })
  return (await pool.query(statement)).rows
}
