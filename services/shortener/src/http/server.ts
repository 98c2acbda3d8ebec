/** The HTTP API: every route, on one server. */
import { createHttpServer } from '@linkfleet/runtime/http'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance } from 'fastify'
import type { Api } from './api.ts'
import { createLinkRoute } from './create-link.ts'
import { deleteLinkRoute } from './delete-link.ts'
import { editLinkRoute } from './edit-link.ts'
import { getLinkRoute } from './get-link.ts'
import { keyRoutes } from './keys.ts'
import { listLinksRoute } from './list-links.ts'
import { describeApi } from './openapi.ts'
import { qrCodeRoutes } from './qr-code.ts'
import { sessionRoutes } from './sessions.ts'

/** A link is small: the longest URL, title and tags fit many times over, even with every character escaped. */
const bodyLimitBytes = 64 * 1024
const requestTimeoutMs = 10_000

export async function createApiServer(api: Api, log: Logger, metrics: Metrics): Promise<FastifyInstance> {
  const server = createHttpServer({ log, metrics, bodyLimitBytes, requestTimeoutMs })
  // JSON only: a form or text/plain can be posted by any web page without asking first.
  server.removeContentTypeParser('text/plain')
  await describeApi(server)
  // Responses are described for people; what is sent is already exact.
  server.setSerializerCompiler(() => JSON.stringify)
  for (const route of [
    createLinkRoute,
    listLinksRoute,
    getLinkRoute,
    editLinkRoute,
    deleteLinkRoute,
    qrCodeRoutes,
    sessionRoutes,
    keyRoutes,
  ]) {
    route(server, api)
  }
  return server
}
