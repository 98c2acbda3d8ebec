import { LinksService } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { type GrpcService, grpcService } from '@linkfleet/runtime/grpc-server'
import type { ClickBudgets, CredentialStore, LinkReader } from '../ports.ts'
import { checkKey } from './check-key.ts'
import { describeLink } from './describe-link.ts'
import { resolveLinks } from './resolve-links.ts'
import { returnClicks, takeClicks } from './take-clicks.ts'

export interface LinksServicePorts {
  readonly links: LinkReader
  readonly credentials: CredentialStore
  readonly budgets: ClickBudgets
}

/** What other services ask of the owner of links and keys. */
export function linksService({ links, credentials, budgets }: LinksServicePorts): GrpcService {
  return grpcService(LinksService, {
    resolveLinks: resolveLinks(links),
    checkKey: checkKey(credentials),
    takeClicks: takeClicks(budgets),
    returnClicks: returnClicks(budgets),
    describeLink: describeLink(links),
  })
}
