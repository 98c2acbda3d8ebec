/** The way of a create: a code, the transaction, the copy in Redis, the answer. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isReservedWord } from '@linkfleet/contracts/reserved-words'
import type { CodePool, LinkWriter, WriteThrough } from '../ports.ts'
import type { Idempotency } from './idempotency.ts'
import type { Link, NewLink } from './link.ts'

/** A generated code that somebody took as an alias is skipped. So many in a row mean that something else is wrong. */
const codesTriedMax = 20

export interface CreateLinkPorts {
  readonly codes: CodePool
  readonly writer: LinkWriter
  readonly writeThrough: WriteThrough
  readonly onCodeSkipped: () => void
}

export type Created = { readonly link: Link; readonly isReplay: boolean }
export type CreateLink = (newLink: NewLink, idempotency: Idempotency | null) => Promise<Created>

export function createLinkCreator({
  codes,
  writer,
  writeThrough,
  onCodeSkipped,
}: CreateLinkPorts): CreateLink {
  return async (link, idempotency) => {
    for (let tried = 0; tried < codesTriedMax; tried++) {
      const code = link.alias ?? (await codes.take())
      if (link.alias === null && isReservedWord(code)) {
        onCodeSkipped()
        continue
      }
      const outcome = await writer.insert({ link, code, idempotency })
      switch (outcome.kind) {
        case 'created':
          await writeThrough.write(outcome.created)
          return { link: outcome.created.link, isReplay: false }
        case 'replayed':
          return { link: outcome.link, isReplay: true }
        case 'idempotency-mismatch':
          throw new LinkfleetError(
            'idempotency-mismatch',
            'This Idempotency-Key was used with another request within the last 24 hours.',
            { field: 'idempotency-key' },
          )
        case 'code-taken':
          if (link.alias !== null) {
            throw new LinkfleetError('alias-taken', `"${link.alias}" is taken.`, { field: 'alias' })
          }
          onCodeSkipped()
      }
    }
    throw new LinkfleetError('not-created', 'No free code was found. Nothing was created.', {
      retryAfterSeconds: 1,
    })
  }
}
