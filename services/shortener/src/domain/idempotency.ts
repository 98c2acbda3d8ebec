/**
 * Retries made safe: which requests are the same, and whose key is whose.
 *
 * A request is known by a text of it: its fields in order, their values as JSON. No valid request has an object deeper
 * than that, so nothing is sorted below, and whatever else a client sends costs no more than to write it down. Nothing
 * here follows the depth of a body but JSON itself, which ends by an error where it is too deep.
 */
import { createHash } from 'node:crypto'
import { LinkfleetError } from '@linkfleet/contracts/errors'

export const idempotencyKeptMs = 24 * 60 * 60 * 1000
const keyLengthMax = 255
/** More than a request has; an object with more is no request, and its order stays as it is. */
const sortedFieldsMax = 64

export interface Idempotency {
  /** SHA-256 of the caller and their key: two callers may use the same key. */
  readonly keyHash: Buffer
  /** SHA-256 of the request; equal for bodies that differ only in the order of fields or in spaces, or in a password. */
  readonly requestHash: Buffer
}

export interface BulkIdempotency extends Idempotency {
  /** Stands for all passwords and their places; null without any. As secret as they are: stored as its verifier only. */
  readonly passwordsDigest: string | null
}

export function identifyRequest(key: string, subject: string, body: unknown): Idempotency {
  return { keyHash: hashKey(key, subject), requestHash: sha256(textOfRequest(body, 'body')) }
}

export function identifyBulk(key: string, subject: string, links: readonly unknown[]): BulkIdempotency {
  const keyHash = hashKey(key, subject)
  const texts = links.map((item, place) => textOfRequest(item, `links.${place}`))
  const passwords = links.flatMap((item, place) => {
    const password = passwordOf(item)
    return isSecret(password) ? [[place, password]] : []
  })
  return {
    keyHash,
    requestHash: sha256(`{"links":[${texts.join(',')}]}`),
    passwordsDigest: passwords.length === 0 ? null : sha256(JSON.stringify(passwords)).toString('base64'),
  }
}

function hashKey(key: string, subject: string): Buffer {
  if (key.length === 0 || key.length > keyLengthMax || !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(key)) {
    throw new LinkfleetError(
      'invalid-request',
      `An Idempotency-Key has 1 to ${keyLengthMax} printable ASCII characters.`,
      { field: 'idempotency-key' },
    )
  }
  return sha256(`${subject}\n${key}`)
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const passwordOf = (request: unknown): unknown =>
  isObject(request) ? (request as { readonly password?: unknown }).password : undefined

const isSecret = (password: unknown): password is string => typeof password === 'string' && password !== ''

/** The text of a create, or of what was sent in the place of one. `field` is where it is, for what is refused. */
function textOfRequest(request: unknown, field: string): string {
  if (!isObject(request)) return toJson(request, field)
  const hidden = 'password' in request ? { ...request, password: hide(request.password) } : request
  if (Object.keys(hidden).length > sortedFieldsMax) return toJson(hidden, field)
  const fields = Object.entries(hidden).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${toJson(value, field)}`).join(',')}}`
}

/**
 * `true` for a password, and never for anything else: a fast hash of a password would help whoever steals the record to
 * find it. What is no password is no secret, and stays different from it and from each other.
 */
function hide(password: unknown): unknown {
  if (isSecret(password)) return true
  return password === true || Array.isArray(password) ? [password] : password
}

function toJson(value: unknown, field: string): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new LinkfleetError('invalid-request', `${field} is nested too deeply.`, { field })
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
