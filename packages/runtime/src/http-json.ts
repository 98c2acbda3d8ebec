/** JSON bodies: UTF-8 and nothing else (RFC 8259, 8.1), and no key that would reach into an object's prototype. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'

const charsetPattern = /;\s*charset\s*=\s*"?([^";\s]*)/i
const forbiddenKeys = ['__proto__', 'constructor'] as const

/** Takes the place of Fastify's own parser, which reads every charset as UTF-8. */
export function parseJsonBodies(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error')
  server.removeContentTypeParser('application/json')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const charset = charsetPattern.exec(request.headers['content-type'] ?? '')?.[1]
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
      const detail = 'A body of JSON is UTF-8; another charset is not read.'
      done(new LinkfleetError('unsupported-media-type', detail, { field: 'content-type' }))
      return
    }
    parse(request, body as string, (error, value) => {
      if (error === null) done(null, value)
      else done(forbiddenKeyOf(body as string) ?? error)
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
