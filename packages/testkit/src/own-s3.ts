/** A real S3-compatible server with one bucket, for one test: versitygw from the PATH, or built once with Go. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Ledger } from '@linkfleet/local/ledger'
import { identifyProcess } from '@linkfleet/local/process-identity'
import { cached } from '@linkfleet/local/programs/cache'
import { findOnPath, platformName, runClient } from '@linkfleet/local/programs/clients'
import { eventually } from './eventually.ts'
import { temporaryHome } from './temporary-home.ts'

/** A Go module version is checked against the checksum database by the go command itself. */
const gatewayVersion = 'v1.8.0'

export interface OwnS3 extends AsyncDisposable {
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The folder whose files are the bucket's objects. */
  readonly folder: string
  /** kill -9: connections are refused from now on. */
  kill(): Promise<void>
}

export async function startOwnS3(): Promise<OwnS3> {
  await using resources = new AsyncDisposableStack()
  const program = await findGateway()
  const home = await temporaryHome('own-s3')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const [bucket, accessKeyId, secretAccessKey] = ['clicks', 'archive', randomBytes(16).toString('hex')]
  const [root, sidecar] = [join(home, 'objects'), join(home, 'metadata')]
  await mkdir(join(root, bucket), { recursive: true })
  await mkdir(sidecar)
  const port = await freePort()
  const gateway = spawn(
    program,
    ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', sidecar, root],
    {
      stdio: 'ignore',
      env: { ...process.env, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    },
  )
  // Whoever removes this home after a test that was killed ends the server first.
  new Ledger(home).add({
    ...identifyProcess(gateway.pid ?? 0),
    name: 'versitygw',
    stopSignal: 'SIGKILL',
    stopTimeoutMs: 1_000,
  })
  const kill = async () => await end(gateway)
  resources.defer(kill)
  const endpoint = `http://127.0.0.1:${port}`
  await eventually(async () => (await fetch(endpoint)).status > 0, { withinMs: 10_000, everyMs: 50 })
  const started = resources.move()
  return {
    endpoint,
    bucket,
    accessKeyId,
    secretAccessKey,
    folder: join(root, bucket),
    kill,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function findGateway(): Promise<string> {
  const onPath = findOnPath('versitygw')
  if (onPath !== undefined) return onPath
  const go = findOnPath('go')
  if (go === undefined)
    throw new Error('versitygw is not on this machine: install it, or Go, with which it is built once.')
  const folder = await cached({
    name: `versitygw-${gatewayVersion}-${platformName()}`,
    fill: async (aside) => {
      await runClient(
        'versitygw',
        go,
        ['install', `github.com/versity/versitygw/cmd/versitygw@${gatewayVersion}`],
        {
          cwd: aside,
          env: { GOBIN: join(aside, 'bin') },
        },
      )
      // Only the program is kept.
      for (const name of await readdir(aside)) {
        if (name !== 'bin') await rm(join(aside, name), { recursive: true, force: true })
      }
      await rename(join(aside, 'bin', 'versitygw'), join(aside, 'versitygw'))
      await rm(join(aside, 'bin'), { recursive: true, force: true })
    },
  })
  return join(folder, 'versitygw')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
