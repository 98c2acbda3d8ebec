import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'

const pagePaths = ['/', '/links', '/links/:code', '/slo', '/slo/report', '/fleet']

/** Answers with the page that all addresses share; the browser then shows what its address names. */
export type SendShell = (reply: FastifyReply) => FastifyReply

export async function openShell(webFolder: string): Promise<SendShell> {
  const shell = await readFile(join(webFolder, 'index.html'), 'utf8')
  return (reply) =>
    reply.header('cache-control', 'no-cache').header('content-type', 'text/html; charset=utf-8').send(shell)
}

/** The pages and their files. Names in /assets hold a hash of the content, so a browser may keep them for good. */
export async function pageRoutes(
  server: FastifyInstance,
  webFolder: string,
  sendShell: SendShell,
): Promise<void> {
  for (const path of pagePaths) server.get(path, async (_request, reply) => sendShell(reply))
  await server.register(fastifyStatic, {
    root: join(webFolder, 'assets'),
    prefix: '/assets/',
    index: false,
    immutable: true,
    maxAge: '365d',
    preCompressed: true,
  })
  for (const file of ['theme.js', 'icon.svg', 'manifest.webmanifest']) {
    server.get(`/${file}`, async (_request, reply) =>
      reply.sendFile(file, webFolder, { maxAge: 0, immutable: false }),
    )
  }
  server.get('/*', async (request, reply) => {
    const forPeople = request.headers.accept?.includes('text/html') === true
    if (!forPeople || request.url.startsWith('/api/')) return reply.callNotFound()
    return sendShell(reply.code(404))
  })
}
