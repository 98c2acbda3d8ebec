/** The private port of every process: /livez, /readyz and /metrics. Plain node:http, since it must outlive all else. */
import type { ServerResponse } from 'node:http'
import type { Health } from './health.ts'
import { type Listening, listen } from './listen.ts'
import type { Metrics } from './metrics.ts'
import { createServer } from './node-http.ts'

export interface AdminOptions {
  readonly host: string
  readonly port: number
  readonly health: Health
  readonly metrics: Metrics
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/** Listens at once. /livez is 200 while the event loop turns; /readyz is 200 only when ready, 503 otherwise. */
export async function startAdminServer(options: AdminOptions): Promise<Listening> {
  const { health, metrics } = options
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const path = request.url?.split('?')[0]
    if (path === '/livez') return answerJson(response, 200, { status: 'alive' })
    if (path === '/readyz') {
      const report = health.report()
      return answerJson(response, report.status === 'ready' ? 200 : 503, report)
    }
    if (path === '/metrics') {
      metrics.page().then(
        (body) => response.writeHead(200, { 'content-type': metrics.contentType }).end(body),
        () => answerJson(response, 500, { status: 'metrics failed' }),
      )
      return
    }
    return answerJson(response, 404, { paths: ['/livez', '/readyz', '/metrics'] })
  })
  return await listen(server, options.host, options.port)
}
