/** Load by wrk (https://github.com/wg/wrk): it takes a third of the CPU of a generator in Node. */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WrkProgram } from '@linkfleet/local/programs/wrk'
import { browserHeaders } from './http-connections.ts'

export interface WrkOptions {
  readonly program: WrkProgram
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** One of them at random for each request. */
  readonly paths: readonly string[]
  /** For the script and the list of paths. */
  readonly folder: string
  readonly signal: AbortSignal
}

export interface WrkLoad {
  readonly answered: number
  readonly failed: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const marker = 'linkfleet-bench '

/** The requests are made once, as whole texts: formatting one for each would make the generator the bottleneck. */
function script(pathsFile: string): string {
  const headers = Object.entries(browserHeaders).map(([name, value]) => `${name}: ${value}\\r\\n`)
  return `local requests = {}
local count = 0
function init()
  math.randomseed(os.time())
  for path in io.lines(${JSON.stringify(pathsFile)}) do
    count = count + 1
    requests[count] = "GET " .. path .. " HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\n${headers.join('')}\\r\\n"
  end
end
function request()
  return requests[math.random(count)]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(${JSON.stringify(`${marker}%d %d %d %d %d\n`)}, summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
`
}

/** What the script's last line says. An answer with a wrong status was answered too, so it is taken off. Pure. */
export function parseWrkOutput(output: string): WrkLoad {
  const line = output.split('\n').find((candidate) => candidate.startsWith(marker))
  const [answered, durationUs, failed, p50Us, p99Us] = (line ?? '')
    .slice(marker.length)
    .split(' ')
    .map(Number)
  if (p99Us === undefined || Number.isNaN(p99Us)) throw new Error(`wrk said nothing of its run:\n${output}`)
  return {
    answered: answered! - failed!,
    failed: failed!,
    seconds: durationUs! / 1e6,
    p50Ms: p50Us! / 1e3,
    p99Ms: p99Us / 1e3,
  }
}

export async function runWrk(options: WrkOptions): Promise<WrkLoad> {
  const pathsFile = join(options.folder, 'wrk-paths')
  const scriptFile = join(options.folder, 'wrk.lua')
  await writeFile(pathsFile, options.paths.join('\n'))
  await writeFile(scriptFile, script(pathsFile))
  const args = ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '-s', scriptFile]
  const child = spawn(options.program.path, [...args, `http://127.0.0.1:${options.port}/`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.program.env },
    signal: options.signal,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  options.signal.throwIfAborted()
  return parseWrkOutput(output)
}
