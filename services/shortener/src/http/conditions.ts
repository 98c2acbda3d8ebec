/** What request headers ask for. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyRequest } from 'fastify'

/** The versions that If-Match names, any of which will do; null when all will. A list is RFC 9110, 5.6.1 and 13.1.1. */
export function versionsOf(ifMatch: string | undefined): readonly number[] | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null
  const tags = ifMatch
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  const versions = tags.map((tag) => /^"(\d{1,15})"$/.exec(tag)?.[1])
  if (versions.length === 0 || versions.includes(undefined)) {
    throw new LinkfleetError('invalid-request', 'If-Match must be entity tags such as "42", or *.', {
      field: 'if-match',
    })
  }
  return versions.map(Number)
}

/** Whether a client prefers text/plain to JSON: RFC 9110, 12.5.1, for the two types there are. */
export function prefersPlainText(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const quality = { plain: -1, json: -1, anything: -1 }
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
    if (type === 'text/plain' || type === 'text/*') quality.plain = Math.max(quality.plain, q)
    if (type === 'application/json' || type === 'application/*') quality.json = Math.max(quality.json, q)
    if (type === '*/*') quality.anything = Math.max(quality.anything, q)
  }
  const json = quality.json >= 0 ? quality.json : quality.anything
  return quality.plain > 0 && quality.plain > json
}

/**
 * The Idempotency-Key of a request. Node joins two with a comma, and a proxy that adds one of its own would make each
 * retry another request by that. A comma is rare, so mostly nothing is looked through.
 */
export function idempotencyKeyOf({ headers, raw }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'] as string | undefined
  if (key?.includes(',') === true && (raw.headersDistinct['idempotency-key']?.length ?? 0) > 1) {
    throw new LinkfleetError('invalid-request', 'There is more than one Idempotency-Key.', {
      field: 'idempotency-key',
    })
  }
  return key
}
