/** The server of a host that only redirects: whatever is not its own page may be a code, and is answered as one. */
import { createHttpServer } from '@linkfleet/runtime/http'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance } from 'fastify'
import { answerWithoutLink } from './answer-without-link.ts'
import { type FollowLinkDependencies, followLink } from './follow-link.ts'
import { sitePages } from './site-pages.ts'

export interface RedirectServerOptions extends FollowLinkDependencies {
  readonly log: Logger
  readonly metrics: Metrics
  readonly publicUrl: string
}

export function createRedirectServer(options: RedirectServerOptions): FastifyInstance {
  const server = createHttpServer({
    log: options.log,
    metrics: options.metrics,
    bodyLimitBytes: 1_024,
    requestTimeoutMs: 10_000,
    fastify: {
      exposeHeadRoutes: false,
      // A path that cannot be decoded is no link either.
      frameworkErrors: (_error, request, reply) => answerWithoutLink(request, reply, 'not-found'),
    },
  })
  server.route(followLink(options))
  for (const page of sitePages(options.publicUrl)) server.route(page)
  return server
}
