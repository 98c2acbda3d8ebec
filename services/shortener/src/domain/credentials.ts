/** Keys, sessions and login tokens: 256 random bits each, told apart by their prefix, stored as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto'

export const roles = ['admin', 'editor', 'reader'] as const
export type Role = (typeof roles)[number]

export type CredentialKind = 'key' | 'session' | 'login'
const prefixes = { key: 'lfk_', session: 'lfs_', login: 'lft_' } as const

export const loginTokenLifeMs = 10 * 60 * 1000
export const sessionLifeMs = 7 * 24 * 60 * 60 * 1000
/** Nothing longer is looked up. */
export const credentialLengthMax = 512
/** An admin key from a file is chosen by a person: short ones are refused. */
export const chosenKeyLengthMin = 16

export function makeCredential(kind: CredentialKind): string {
  return prefixes[kind] + randomBytes(32).toString('base64url')
}

export function hashCredential(credential: string): Buffer {
  return createHash('sha256').update(credential).digest()
}

/** Who calls, and with what right. */
export interface Caller {
  /** For logs and audit; never the secret. */
  readonly subject: string
  readonly role: Role | 'anonymous'
  /** null: does not expire. */
  readonly expiresAtMs: number | null
}

/** What a caller of this machine is when a one-machine fleet allows it. */
export const anonymousCaller: Caller = { subject: 'anonymous', role: 'anonymous', expiresAtMs: null }

export type Right = 'create' | 'read' | 'change' | 'administer'

const rightsOf: Readonly<Record<Caller['role'], ReadonlySet<Right>>> = {
  admin: new Set(['create', 'read', 'change', 'administer']),
  editor: new Set(['create', 'read', 'change']),
  reader: new Set(['read']),
  anonymous: new Set(['create']),
}

export function mayDo(caller: Caller, right: Right): boolean {
  return rightsOf[caller.role].has(right)
}
