/** A console whose whole world is in memory, for tests of its routes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { createSessionsUpstream } from '../adapters/sessions-upstream.ts'
import { createEvents } from '../events.ts'
import { createConsoleServer } from '../http/server.ts'
import {
  type Instances,
  type Monitoring,
  MonitoringAway,
  type Upstream,
  type UpstreamAnswer,
  type UpstreamRequest,
  type UpstreamStream,
} from '../ports.ts'

export const session = 'lfs_0123456789abcdefABCDEF'
export const cookie = `linkfleet_session=${session}`
export const ownOrigin = { origin: 'http://localhost:80', host: 'localhost:80' }

/** Answers by a function and remembers what it was asked. */
export class UpstreamMemory implements Upstream {
  readonly asked: UpstreamRequest[] = []
  answer: (request: UpstreamRequest) => UpstreamAnswer = () => json(200, {})

  async request(request: UpstreamRequest): Promise<UpstreamAnswer> {
    this.asked.push(request)
    return this.answer(request)
  }

  async stream(request: UpstreamRequest): Promise<UpstreamStream> {
    this.asked.push(request)
    const { status, headers, body } = this.answer(request)
    return { status, headers, body: new Blob([body]).stream() }
  }
}

export function json(status: number, body: unknown): UpstreamAnswer {
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  return { status, headers: { 'content-type': type }, body: JSON.stringify(body) }
}

/** A shortener that knows one session. */
export function answerSessions(request: UpstreamRequest): UpstreamAnswer {
  if (request.headers.authorization !== `Bearer ${session}`) return json(401, { code: 'unauthenticated' })
  return json(200, { role: 'editor', expiresAt: '2099-01-01T00:00:00.000Z' })
}

const noMonitoring: Monitoring = {
  instant: async () => {
    throw new MonitoringAway('This fleet runs without Prometheus.')
  },
  range: async () => [],
}

export async function openConsole(
  options: { consoleUrl?: string; instances?: Instances; monitoring?: Monitoring; analytics?: Upstream } = {},
) {
  const webFolder = await mkdtemp(join(tmpdir(), 'linkfleet-console-'))
  await mkdir(join(webFolder, 'assets'))
  await writeFile(join(webFolder, 'index.html'), '<!doctype html><title>shell</title>')
  await writeFile(join(webFolder, 'theme.js'), '// theme')
  await writeFile(join(webFolder, 'assets', 'index-1a2b.js'), '// app')
  const shortener = new UpstreamMemory()
  const analytics = new UpstreamMemory()
  shortener.answer = answerSessions
  const metrics = new Metrics('console')
  const log = silentLogger()
  let nowMs = 0
  const server = await createConsoleServer({
    log,
    metrics,
    events: createEvents(log, metrics),
    shortener,
    analytics: options.analytics ?? analytics,
    sessions: createSessionsUpstream(shortener, () => nowMs),
    monitoring: options.monitoring ?? noMonitoring,
    dayMonitoring: options.monitoring ?? noMonitoring,
    instances: options.instances ?? { askAll: async () => [] },
    webFolder,
    publicUrl: 'https://lnk.example',
    consoleUrl: options.consoleUrl ?? '',
    nowMs: () => nowMs,
  })
  return {
    server,
    shortener,
    analytics,
    metrics,
    passMs: (ms: number) => {
      nowMs += ms
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(webFolder, { recursive: true })
    },
  }
}
