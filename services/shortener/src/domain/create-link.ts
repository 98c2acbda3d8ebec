/** The way of a create: a code, the transaction, the copy in Redis, the answer. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isReservedWord } from '@linkfleet/contracts/reserved-words'
import type { CodePool, LinkWriter, Passwords, WriteThrough } from '../ports.ts'
import type { Idempotency } from './idempotency.ts'
import type { Link, NewLink } from './link.ts'
import { mayReuse } from './reuse-link.ts'

/** A generated code that somebody took as an alias is skipped. So many in a row mean that something else is wrong. */
const codesTriedMax = 20

export interface CreateLinkPorts {
  readonly codes: CodePool
  readonly writer: LinkWriter
  readonly writeThrough: WriteThrough
  readonly passwords: Passwords
  readonly onCodeSkipped: () => void
}

export interface Created {
  readonly link: Link
  /** It was there before this request. */
  readonly isReused: boolean
  /** The request was made before, and this is its answer. */
  readonly isReplay: boolean
}

export interface LinkCreator {
  /** Answers by `byMs` of performance.now(), or throws. */
  create(newLink: NewLink, idempotency: Idempotency | null, byMs: number): Promise<Created>
  /** What this very request made before; undefined when it made nothing. */
  findReplay(idempotency: Idempotency, password: string | null, byMs: number): Promise<Created | undefined>
}

export function createLinkCreator(ports: CreateLinkPorts): LinkCreator {
  const { writer, writeThrough, passwords, onCodeSkipped } = ports

  async function findReplay(idempotency: Idempotency, password: string | null, byMs: number) {
    const found = await writer.findReplay(idempotency, byMs)
    if (found === undefined) return undefined
    if (found.kind === 'idempotency-mismatch') throw idempotencyMismatch()
    await expectSamePassword(passwords, found.link, password)
    return { link: found.link, isReused: found.isReused, isReplay: true }
  }

  async function tryOnce(
    link: NewLink,
    passwordVerifier: string | null,
    idempotency: Idempotency | null,
    byMs: number,
  ): Promise<Created | undefined> {
    const { code, refusal } = await codeFor(ports, link, idempotency)
    const outcome = await writer.insert({ link, code, passwordVerifier, idempotency }, byMs)
    switch (outcome.kind) {
      case 'created':
        await writeThrough.write(outcome.created)
        return { link: outcome.created.link, isReused: false, isReplay: false }
      case 'reused':
        return { link: outcome.link, isReused: true, isReplay: false }
      case 'replayed':
        await expectSamePassword(passwords, outcome.link, link.password)
        return { link: outcome.link, isReused: outcome.isReused, isReplay: true }
      case 'code-taken':
        if (link.alias !== null) throw aliasTaken(link.alias)
        if (refusal !== undefined) throw refusal
        onCodeSkipped()
        return undefined
      case 'idempotency-mismatch':
        throw idempotencyMismatch()
      case 'busy':
        throw aliasBusy()
      case 'failed':
        throw outcome.error
    }
  }

  return {
    findReplay,
    async create(link, idempotency, byMs) {
      const made = link.password === null ? undefined : await passwords.makeVerifier(link.password)
      // The work on a password is no waiting for the database.
      const insertByMs = byMs + (made?.tookMs ?? 0)
      for (let tried = 0; tried < codesTriedMax; tried++) {
        const created = await tryOnce(link, made?.verifier ?? null, idempotency, insertByMs)
        if (created !== undefined) return created
      }
      throw noFreeCode()
    },
  }
}

/**
 * The alias or a code. Without one nothing new can be made, but who repeats a request, or would reuse a link, may only be
 * asking for what there is: then the refusal stands if there is nothing.
 */
async function codeFor(
  ports: CreateLinkPorts,
  link: NewLink,
  idempotency: Idempotency | null,
): Promise<{ readonly code: string | null; readonly refusal?: LinkfleetError }> {
  try {
    return { code: link.alias ?? (await takeCode(ports)) }
  } catch (error) {
    const mayBeThere = idempotency !== null || mayReuse(link)
    if (!(mayBeThere && isWithoutCode(error))) throw error
    return { code: null, refusal: error }
  }
}

export function isWithoutCode(error: unknown): error is LinkfleetError {
  return error instanceof LinkfleetError && error.code === 'not-created'
}

type CodePorts = Pick<CreateLinkPorts, 'codes' | 'onCodeSkipped'>

/** A code from the pool that is no reserved word. */
async function takeCode({ codes, onCodeSkipped }: CodePorts): Promise<string> {
  for (let tried = 0; tried < codesTriedMax; tried++) {
    const code = await codes.take()
    if (!isReservedWord(code)) return code
    onCodeSkipped()
  }
  throw noFreeCode()
}

/** The same for many, all or none. */
export async function takeCodes({ codes, onCodeSkipped }: CodePorts, count: number): Promise<string[]> {
  const taken: string[] = []
  for (let tried = 0; tried < codesTriedMax; tried++) {
    for (const code of await codes.takeAll(count - taken.length)) {
      if (isReservedWord(code)) onCodeSkipped()
      else taken.push(code)
    }
    if (taken.length === count) return taken
  }
  throw noFreeCode()
}

/** A record of a request says nothing of its password but the verifier of the link it made. */
async function expectSamePassword(
  passwords: Passwords,
  { passwordVerifier }: Link,
  password: string | null,
): Promise<void> {
  if (password === null && passwordVerifier === null) return
  const isSame =
    password !== null &&
    passwordVerifier !== null &&
    (await passwords.isPasswordOf(passwordVerifier, password))
  if (!isSame) throw idempotencyMismatch()
}

export function aliasTaken(alias: string): LinkfleetError {
  return new LinkfleetError('alias-taken', `"${alias}" is taken.`, { field: 'alias' })
}

export function aliasBusy(): LinkfleetError {
  return new LinkfleetError(
    'not-created',
    'Another request holds the same alias or URL. Nothing was created.',
    {
      retryAfterSeconds: 1,
    },
  )
}

function noFreeCode(): LinkfleetError {
  return new LinkfleetError('not-created', 'No free code was found. Nothing was created.', {
    retryAfterSeconds: 1,
  })
}

export function idempotencyMismatch(): LinkfleetError {
  return new LinkfleetError(
    'idempotency-mismatch',
    'This Idempotency-Key was used with another request within the last 24 hours.',
    { field: 'idempotency-key' },
  )
}
