/** The server of a host that only redirects: whatever is not its own page may be a code, and is answered as one. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { ClientAddress } from '@linkfleet/runtime/client-address'
import { createHttpServer } from '@linkfleet/runtime/http'
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ClickBudgets } from '../domain/click-budgets.ts'
import type { FindLink, FoundLink } from '../domain/find-link.ts'
import type { AttemptLimit, ClickSink, LinkAuthority, LinkDescriptions, MayMiss } from '../ports.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import type { DescribeClick } from './describe-click.ts'
import { createEndings } from './endings.ts'
import { createFollowConditional } from './follow-conditional.ts'
import { followLink } from './follow-link.ts'
import { createMissGate, type MissGate } from './miss-gate.ts'
import { createPasswordDoor } from './password-door.ts'
import { createPreviewLink } from './preview-link.ts'
import { probeLinks } from './probe-link.ts'
import { sitePages } from './site-pages.ts'

export type RefusedFor = 'misses' | 'passwords'

export interface RedirectServerOptions {
  readonly log: Logger
  readonly metrics: Metrics
  readonly publicUrl: string
  readonly shedTurnMsMax?: number
  readonly findLink: FindLink
  readonly authority: MayMiss<LinkAuthority>
  readonly descriptions: MayMiss<LinkDescriptions>
  readonly budgets: Pick<ClickBudgets, 'take' | 'look'>
  readonly clicks: ClickSink
  readonly describeClick: DescribeClick
  readonly clientAddress: ClientAddress
  /** undefined: nobody is slowed. */
  readonly missLimit: AttemptLimit | undefined
  readonly passwordLimits: { readonly perClient: AttemptLimit; readonly perLink: AttemptLimit }
  readonly clock: () => number
  readonly lookedUp: (found: FoundLink) => void
  readonly refused: (reason: RefusedFor) => void
}

export interface RedirectServer {
  readonly server: FastifyInstance
  readonly misses: MissGate
}

export function createRedirectServer(options: RedirectServerOptions): RedirectServer {
  const server = createHttpServer({
    log: options.log,
    metrics: options.metrics,
    bodyLimitBytes: 1_024,
    requestTimeoutMs: 10_000,
    shedTurnMsMax: options.shedTurnMsMax ?? 0,
    tellsMethods: true,
    logsFastify: false,
    // It is no link either.
    answerUnreadableUrl: (request, reply) => answerWithoutLink(request, reply, 'not-found'),
    fastify: {
      exposeHeadRoutes: false,
      // A request without a body is no stream that has to come to its end.
      http: { optimizeEmptyRequests: true },
    },
  })
  // Nobody tells a parser of that end any more, so what has no body has no type of it either.
  server.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.headers['content-type'] !== undefined && raw.readableEnded) delete raw.headers['content-type']
    done()
  })
  // No route takes one, and Fastify would ask for the type of its body before it says so.
  server.addHttpMethod('QUERY', { overrideExisting: true })
  // What is posted here is one form.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => new URLSearchParams(body),
  )
  // Whatever comes along with a method that a path has not, its answer is about the method.
  server.addContentTypeParser('*', async (request: FastifyRequest) => {
    if (!request.is404)
      throw new LinkfleetError('unsupported-media-type', 'A form is expected.', { field: 'content-type' })
  })
  const { clientAddress, clock } = options
  const misses = createMissGate({
    limit: options.missLimit,
    clientAddress,
    clock,
    refused: () => options.refused('misses'),
  })
  const passwords = createPasswordDoor({
    ...options.passwordLimits,
    clientAddress,
    authority: options.authority,
    refused: () => options.refused('passwords'),
  })
  const endings = createEndings(options)
  const followConditional = createFollowConditional({ endings, passwords, budgets: options.budgets })
  const previewLink = createPreviewLink({ ...options, misses })
  for (const route of followLink({ ...options, endings, misses, followConditional, previewLink }))
    server.route(route)
  for (const route of probeLinks({ ...options, misses })) server.route(route)
  for (const page of sitePages(options.publicUrl)) server.route(page)
  return { server, misses }
}
