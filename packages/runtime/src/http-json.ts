/**
 * JSON bodies: UTF-8 and nothing else (RFC 8259, 8.1), no key that would reach into an object's prototype, and, where a
 * route bounds it, no more values than a request can have: what a body costs is not its bytes. Four megabytes of `{},` or
 * of made-up keys keep the event loop busy for a second; as many bytes of URLs take some milliseconds.
 */
import { isUtf8 } from 'node:buffer'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A body with more values (members, elements, objects and arrays) is refused before it is parsed. */
    readonly jsonValuesMax?: number
  }
}

const charsetPattern = /;\s*charset\s*=\s*"?([^";\s]*)/i
const forbiddenKeys = ['__proto__', 'constructor'] as const

/** Takes the place of Fastify's own parser, which reads every charset as UTF-8. */
export function parseJsonBodies(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error')
  server.removeContentTypeParser('application/json')
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    const charset = charsetPattern.exec(request.headers['content-type'] ?? '')?.[1]
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
      const detail = 'A body of JSON is UTF-8; another charset is not read.'
      done(new LinkfleetError('unsupported-media-type', detail, { field: 'content-type' }))
      return
    }
    // Decoding alone would put U+FFFD in the place of what is none, and store what nobody sent.
    if (!isUtf8(bytes)) {
      done(new LinkfleetError('invalid-json', 'The body is not UTF-8.', { field: 'body' }))
      return
    }
    const body = bytes.toString()
    const { jsonValuesMax } = request.routeOptions.config
    if (jsonValuesMax !== undefined && hasMoreValuesThan(body, jsonValuesMax)) {
      const detail = `The body holds more than ${jsonValuesMax} values.`
      done(new LinkfleetError('invalid-request', detail, { field: 'body' }))
      return
    }
    parse(request, body, (error, value) => {
      if (error === null) done(null, value)
      else done(forbiddenKeyOf(body) ?? error)
    })
  })
}

/** The error that names the key, when it is only for one that what is otherwise JSON was refused. */
function forbiddenKeyOf(body: string): LinkfleetError | undefined {
  let found: string | undefined
  try {
    JSON.parse(body, (key, value: unknown) => {
      if (forbiddenKeys.some((forbidden) => forbidden === key)) found ??= key
      return value
    })
  } catch {
    return undefined
  }
  if (found === undefined) return undefined
  return new LinkfleetError('invalid-request', `${found} is not a known field.`, { field: found })
}

const [quote, backslash, comma, brace, bracket] = Array.from('"\\,{[', (character) => character.charCodeAt(0))

/** Of a text that may be JSON. Each value but the first comes after a comma, or first in an object or array. */
export function hasMoreValuesThan(text: string, valuesMax: number): boolean {
  let values = 1
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (isInString) {
      if (character === backslash) at++
      else if (character === quote) isInString = false
    } else if (character === quote) isInString = true
    else if (character === comma || character === brace || character === bracket) {
      if (++values > valuesMax) return true
    }
  }
  return false
}
