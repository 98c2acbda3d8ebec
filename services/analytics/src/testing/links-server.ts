/** The shortener's side of the contract: a gRPC server that knows some codes and keys. */
import { LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { LinksService, Role } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { type GrpcListening, grpcService, startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'

export interface LinksServer extends GrpcListening {
  readonly codes: Set<string>
  readonly keys: Set<string>
  /** Calls of CheckKey. */
  checks(): number
}

async function neverAsked(): Promise<never> {
  throw new Error('analytics asks nothing of the kind')
}

export async function startLinksServer(): Promise<LinksServer> {
  const codes = new Set<string>()
  const keys = new Set<string>()
  let checks = 0
  const listening = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    protoFiles: ['linkfleet/links/v1/links.proto'],
    log: silentLogger(),
    metrics: new Metrics('links'),
    services: [
      grpcService(LinksService, {
        resolveLinks: async (request) => ({
          links: request.keys
            .filter(({ code }) => codes.has(code))
            .map(({ domainId, code }) => ({
              ...LinkCopy.decode(Buffer.alloc(0)),
              domainId,
              code,
              state: LinkState.LIVE,
            })),
          asOfMs: Date.now(),
          timeline: 1,
        }),
        checkKey: async ({ credential }) => {
          checks++
          const valid = keys.has(credential)
          return { valid, role: valid ? Role.READER : Role.UNSPECIFIED, subject: 'test', expiresAtMs: 0 }
        },
        takeClicks: neverAsked,
        returnClicks: neverAsked,
        describeLink: neverAsked,
      }),
    ],
  })
  return { ...listening, codes, keys, checks: () => checks }
}
