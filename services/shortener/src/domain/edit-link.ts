/** The way of an edit: the verifier of a new password, the transaction, the copy in Redis. */
import type { ChangeOutcome, LinkWriter, Passwords, WriteThrough } from '../ports.ts'
import type { LinkChanges, LinkKey } from './link.ts'

export interface EditLinkPorts {
  readonly writer: LinkWriter
  readonly writeThrough: WriteThrough
  readonly passwords: Passwords
}

export type EditLink = (
  key: LinkKey,
  changes: LinkChanges,
  ifVersions: readonly number[] | null,
  byMs: number,
) => Promise<ChangeOutcome>

export function createLinkEditor({ writer, writeThrough, passwords }: EditLinkPorts): EditLink {
  return async (key, { password, ...changes }, ifVersions, byMs) => {
    const made = typeof password === 'string' ? await passwords.makeVerifier(password) : undefined
    const passwordVerifier = made?.verifier ?? password
    const stored = passwordVerifier === undefined ? changes : { ...changes, passwordVerifier }
    const outcome = await writer.edit(key, stored, ifVersions, byMs + (made?.tookMs ?? 0))
    if (outcome.kind === 'changed') await writeThrough.write(outcome.changed)
    return outcome
  }
}
