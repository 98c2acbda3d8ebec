/**
 * The servers that redirect is compared with: the same 302 with the same headers, and nothing else.
 * `node bare-server.ts http|fastify` with PORT in the environment.
 */
import { createServer } from 'node:http'
import { Socket } from 'node:net'
import Fastify from 'fastify'

/** Where every generated link leads: this and its path. */
export const landingUrl = 'https://example.com/landing'

const headers = {
  'cache-control': 'private, max-age=0',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-robots-tag': 'noindex',
} as const

async function serveBareHttp(port: number): Promise<void> {
  const server = createServer((request, response) => {
    response
      .writeHead(302, { ...headers, location: `${landingUrl}${request.url}`, 'content-length': 0 })
      .end()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
}

async function serveBareFastify(port: number): Promise<void> {
  const server = Fastify({ logger: false })
  server.get('/:code', (request, reply) => {
    const { code } = request.params as { code: string }
    reply.code(302).headers(headers).header('location', `${landingUrl}/${code}`).send()
  })
  await server.listen({ host: '127.0.0.1', port })
}

if (import.meta.main) {
  const [kind] = process.argv.slice(2)
  // A socket and no file stream: a file's blocking read would hold a pool thread, and with it the process's exit.
  const pipe = new Socket({ fd: Number(process.env.SUPERVISOR_FD), readable: true, writable: false })
  pipe.once('close', () => process.exit(0)).on('error', () => process.exit(0))
  pipe.resume()
  // So that a CPU profile is written.
  process.once('SIGTERM', () => process.exit(0))
  await (kind === 'fastify' ? serveBareFastify : serveBareHttp)(Number(process.env.PORT))
}
