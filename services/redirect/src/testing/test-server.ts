/** The HTTP side of redirect without the world: links are given, and what is recorded is kept. */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { createClientAddress } from '@linkfleet/runtime/client-address'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import type { FastifyInstance } from 'fastify'
import { AttemptWindows } from '../domain/attempt-windows.ts'
import { ClickBudgets } from '../domain/click-budgets.ts'
import type { FindLink, FoundLink } from '../domain/find-link.ts'
import { createIdentifyClient, unknownPlace } from '../domain/identify-client.ts'
import { VisitorSalts } from '../domain/visitor-salts.ts'
import { createDescribeClick } from '../http/describe-click.ts'
import { createRedirectServer } from '../http/redirect-server.ts'
import type { AttemptLimit, ClickToRecord } from '../ports.ts'

export interface TestServer {
  readonly server: FastifyInstance
  readonly clicks: ClickToRecord[]
  readonly metrics: Metrics
  /** What was looked up and counted. */
  readonly lookups: FoundLink[]
  /** What refused requests were refused for. */
  readonly refusals: string[]
}

export interface TestServerOptions {
  readonly findLink: FindLink
  readonly nowMs?: number
  /** Clicks that limited links have; undefined: nobody can say. */
  readonly clicksLeft?: number | undefined
  readonly missesMax?: number
  readonly passwordsMax?: number
  readonly authority?: FoundLink
}

export const testNowMs = 1_700_000_000_000

export function startTestServer(options: TestServerOptions): TestServer {
  const clicks: ClickToRecord[] = []
  const lookups: FoundLink[] = []
  const refusals: string[] = []
  const clock = () => options.nowMs ?? testNowMs
  const clientAddress = createClientAddress(['127.0.0.1'])
  let left = 'clicksLeft' in options ? options.clicksLeft : 1_000
  const budgets = new ClickBudgets({
    leases: {
      async take(_key, _requestId, wanted) {
        if (left === undefined) return undefined
        const granted = Math.min(wanted, left, 1)
        left -= granted
        return { isLimited: true, granted, left }
      },
      giveBack: async () => true as const,
    },
    clock,
    newRequestId: () => Buffer.alloc(16),
    budgetsMax: 10,
  })
  const metrics = new Metrics('redirect')
  const { server } = createRedirectServer({
    log: silentLogger(),
    metrics,
    publicUrl: 'https://sho.rt',
    findLink: options.findLink,
    authority: {
      resolve: async () =>
        options.authority?.kind === 'link'
          ? { copy: options.authority.known.copy, asOfMs: clock() }
          : undefined,
    },
    descriptions: {
      describe: async () => ({ title: '<b>Title & more</b>', createdAtMs: Date.UTC(2026, 0, 31) }),
    },
    budgets,
    // As the spool does it: outside of the handler.
    clicks: {
      append: (click, release) => {
        clicks.push(click)
        setImmediate(release, true)
      },
    },
    describeClick: createDescribeClick({
      clientAddress,
      identifyClient: createIdentifyClient(new VisitorSalts(), () => unknownPlace),
      respectDoNotTrack: true,
    }),
    clientAddress,
    missLimit: options.missesMax === undefined ? undefined : limitOf(options.missesMax, clock),
    passwordLimits: {
      perClient: limitOf(options.passwordsMax ?? 10, clock),
      perLink: limitOf(2 * (options.passwordsMax ?? 10), clock),
    },
    clock,
    lookedUp: (found) => void lookups.push(found),
    refused: (reason) => void refusals.push(reason),
  })
  return { server, clicks, lookups, refusals, metrics }
}

/** As it is while Redis is away. */
function limitOf(attemptsMax: number, clock: () => number): AttemptLimit {
  const windows = new AttemptWindows({ windowMs: 60_000, keysMax: 100 })
  return {
    async attempt(key) {
      const { attempts, endsAtMs } = windows.count(key, 1, clock())
      return attempts > attemptsMax ? endsAtMs - clock() : 0
    },
    forgive: async (key) => void windows.count(key, -1, clock()),
  }
}

export function foundLink(copy: LinkCopy): FoundLink {
  return { kind: 'link', known: { copy, asOfMs: 1 }, source: 'memory', stale: false }
}
