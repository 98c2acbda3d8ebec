/** The HTTP API: every route, on one server. */
import { createHttpServer } from '@linkfleet/runtime/http'
import { compileRequestPart } from '@linkfleet/runtime/http-schemas'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance } from 'fastify'
import type { Api } from './api.ts'
import { createLinkRoute } from './create-link.ts'
import { createLinksBulkRoute } from './create-links-bulk.ts'
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

/** All of an answer that may wait for the database is due within this time of the whole request, whatever it needs there. */
const answerWithinMs = 900

declare module 'fastify' {
  interface FastifyRequest {
    /** The moment, of performance.now(), by which what the answer waits for has come, or is given up. */
    answerByMs: number
  }
}

export async function createApiServer(
  api: Api,
  log: Logger,
  metrics: Metrics,
  shedTurnMsMax: number,
): Promise<FastifyInstance> {
  const server = createHttpServer({
    log,
    metrics,
    compileSchema: compileRequestPart,
    bodyLimitBytes,
    requestTimeoutMs,
    shedTurnMsMax,
    tellsMethods: true,
  })
  // JSON only: a form or text/plain can be posted by any web page without asking first.
  server.removeContentTypeParser('text/plain')
  server.decorateRequest('answerByMs', 0)
  // The time that a client takes to send its body is its own.
  server.addHook('preHandler', (request, _reply, done) => {
    request.answerByMs = performance.now() + answerWithinMs
    done()
  })
  await describeApi(server)
  for (const route of [
    createLinkRoute,
    createLinksBulkRoute,
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
