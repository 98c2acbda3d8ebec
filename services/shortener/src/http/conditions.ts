/** What request headers ask for. */
import { LinkfleetError } from '@linkfleet/contracts/errors'

/** The version that If-Match names; null when any will do. */
export function versionOf(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null
  const version = /^\s*"(\d{1,15})"\s*$/.exec(ifMatch)?.[1]
  if (version === undefined) {
    throw new LinkfleetError('invalid-request', 'If-Match must be one entity tag such as "42", or *.', {
      field: 'if-match',
    })
  }
  return Number(version)
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
