/** The way of a create: a code, the transaction, the copy in Redis, the answer. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isReservedWord } from '@linkfleet/contracts/reserved-words'
import type { CodePool, LinkWriter, Passwords, WriteThrough } from '../ports.ts'
import type { Idempotency } from './idempotency.ts'
import type { Link, NewLink } from './link.ts'

/** A generated code that somebody took as an alias is skipped. So many in a row mean that something else is wrong. */
const codesTriedMax = 20

export interface CreateLinkPorts {
  readonly codes: CodePool
  readonly writer: LinkWriter
  readonly writeThrough: WriteThrough
  readonly passwords: Passwords
  readonly onCodeSkipped: () => void
}

export type Created = { readonly link: Link; readonly isReplay: boolean }

export interface LinkCreator {
  create(newLink: NewLink, idempotency: Idempotency | null): Promise<Created>
  /** The link that this very request made before; undefined when it made none. */
  findReplay(idempotency: Idempotency, password: string | null): Promise<Link | undefined>
}

export function createLinkCreator(ports: CreateLinkPorts): LinkCreator {
  const { codes, writer, writeThrough, passwords, onCodeSkipped } = ports

  /** A record of a request says nothing of its password but the verifier of the link it made. */
  async function asReplay(link: Link, password: string | null): Promise<Link> {
    const { passwordVerifier } = link
    if (password === null || passwordVerifier === null) return link
    if (await passwords.isPasswordOf(passwordVerifier, password)) return link
    throw idempotencyMismatch()
  }

  return {
    async create(link, idempotency) {
      const passwordVerifier = link.password === null ? null : await passwords.makeVerifier(link.password)
      for (let tried = 0; tried < codesTriedMax; tried++) {
        const code = link.alias ?? (await codes.take())
        if (link.alias === null && isReservedWord(code)) {
          onCodeSkipped()
          continue
        }
        const outcome = await writer.insert({ link, code, passwordVerifier, idempotency })
        switch (outcome.kind) {
          case 'created':
            await writeThrough.write(outcome.created)
            return { link: outcome.created.link, isReplay: false }
          case 'replayed':
            return { link: await asReplay(outcome.link, link.password), isReplay: true }
          case 'idempotency-mismatch':
            throw idempotencyMismatch()
          case 'code-taken':
            if (link.alias !== null) throw aliasTaken(link.alias)
            onCodeSkipped()
        }
      }
      throw new LinkfleetError('not-created', 'No free code was found. Nothing was created.', {
        retryAfterSeconds: 1,
      })
    },
    async findReplay(idempotency, password) {
      const link = await writer.findReplay(idempotency)
      return link === undefined ? undefined : await asReplay(link, password)
    },
  }
}

function aliasTaken(alias: string): LinkfleetError {
  return new LinkfleetError('alias-taken', `"${alias}" is taken.`, { field: 'alias' })
}

function idempotencyMismatch(): LinkfleetError {
  return new LinkfleetError(
    'idempotency-mismatch',
    'This Idempotency-Key was used with another request within the last 24 hours.',
    { field: 'idempotency-key' },
  )
}
