/** Retries made safe: which requests are the same, and whose key is whose. */
import { createHash } from 'node:crypto'
import { LinkfleetError } from '@linkfleet/contracts/errors'

export const idempotencyKeptMs = 24 * 60 * 60 * 1000
const keyLengthMax = 255

export interface Idempotency {
  /** SHA-256 of the caller and their key: two callers may use the same key. */
  readonly keyHash: Buffer
  /** SHA-256 of the request; equal for bodies that differ only in the order of fields or in spaces. */
  readonly requestHash: Buffer
}

export function identifyRequest(key: string, subject: string, body: unknown): Idempotency {
  if (key.length === 0 || key.length > keyLengthMax || !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(key)) {
    throw new LinkfleetError(
      'invalid-request',
      `An Idempotency-Key has 1 to ${keyLengthMax} printable ASCII characters.`,
      { field: 'idempotency-key' },
    )
  }
  return { keyHash: sha256(`${subject}\n${key}`), requestHash: sha256(canonical(withoutPassword(body))) }
}

/** A fast hash of a password would help whoever steals the record to find it: the verifier is compared instead. */
function withoutPassword(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body
  const { password, links } = body as { readonly password?: unknown; readonly links?: unknown }
  if (Array.isArray(links)) return { ...body, links: links.map(withoutPassword) }
  return typeof password === 'string' ? { ...body, password: true } : body
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** JSON with the fields of every object in order. The body is bounded, and so is the depth. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}
