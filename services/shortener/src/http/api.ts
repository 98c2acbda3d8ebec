/** What every route is given. */

import type { FastifyRequest } from 'fastify'
import type { BulkCreator } from '../domain/create-bulk.ts'
import type { LinkCreator } from '../domain/create-link.ts'
import type { Caller, Right } from '../domain/credentials.ts'
import type { EditLink } from '../domain/edit-link.ts'
import type { UrlRules } from '../domain/judge-url.ts'
import type { ShortenerEvents } from '../events.ts'
import type { ClickTotals, CredentialStore, LinkReader, LinkWriter, WriteThrough } from '../ports.ts'

export interface Api {
  readonly creator: LinkCreator
  readonly createBulk: BulkCreator
  readonly editLink: EditLink
  readonly links: LinkReader
  readonly writer: LinkWriter
  readonly writeThrough: WriteThrough
  readonly credentials: CredentialStore
  readonly totals: ClickTotals
  readonly urlRules: UrlRules
  /** Without a slash at its end. */
  readonly publicUrl: string
  readonly events: ShortenerEvents
  /** Who sent the request; throws 'unauthenticated' or 'forbidden' when they may not. */
  readonly authorize: (request: FastifyRequest, right: Right) => Promise<Caller>
  readonly now: () => number
}
