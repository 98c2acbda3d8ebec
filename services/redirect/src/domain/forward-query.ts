/**
 * Hands the query of a short URL on to the link's target.
 *
 * Names are compared as the WHATWG application/x-www-form-urlencoded parser reads them; the text of each parameter
 * stays as its author wrote it, since servers tell `%20` from `+` and `a` from `a=`. A parameter of the request
 * replaces those of the same name in the target, for whoever shares the short URL writes later than who made the link;
 * all others of the target keep their place, and those of the request follow. The target's fragment stays the last.
 */

/** A longer URL is refused by much of what browsers meet on their way. */
export const forwardedUrlCharactersMax = 8_192

/** `requestUrl` is the path and query of the request line. undefined: the result would be too long to be sent. */
export function forwardQuery(targetUrl: string, requestUrl: string): string | undefined {
  const added = parametersOf(queryOf(requestUrl))
  if (added.length === 0) return targetUrl
  const hashAt = targetUrl.indexOf('#')
  const fragment = hashAt === -1 ? '' : targetUrl.slice(hashAt)
  const whole = hashAt === -1 ? targetUrl : targetUrl.slice(0, hashAt)
  const questionAt = whole.indexOf('?')
  const base = questionAt === -1 ? whole : whole.slice(0, questionAt)
  // Before their names are read: what is added only grows.
  const addedCharacters = added.reduce((sum, text) => sum + 1 + text.length, 0)
  if (base.length + addedCharacters + fragment.length > forwardedUrlCharactersMax) return undefined
  const replaced = new Set(added.map(nameOf))
  const kept = questionAt === -1 ? [] : parametersOf(whole.slice(questionAt + 1))
  const query = [...kept.filter((text) => !replaced.has(nameOf(text))), ...added.map(toHeaderText)]
  const forwarded = `${base}?${query.join('&')}${fragment}`
  return forwarded.length > forwardedUrlCharactersMax ? undefined : forwarded
}

/** The query of a request line; a fragment does not belong there, but a program may send one. */
function queryOf(requestUrl: string): string {
  const questionAt = requestUrl.indexOf('?')
  if (questionAt === -1) return ''
  const hashAt = requestUrl.indexOf('#', questionAt)
  return requestUrl.slice(questionAt + 1, hashAt === -1 ? undefined : hashAt)
}

function parametersOf(query: string): string[] {
  return query.split('&').filter((text) => text !== '')
}

function nameOf(parameter: string): string {
  if (!/[%+]/.test(parameter)) return parameter.split('=', 1)[0] ?? ''
  const [[name] = ['']] = new URLSearchParams(parameter)
  return name
}

/** node:http reads a request line as Latin-1; what is not plain ASCII is sent on percent-encoded, byte by byte. */
function toHeaderText(parameter: string): string {
  return parameter.replace(/[^\x21-\x7e]|["<>]/g, (character) => {
    const byte = character.charCodeAt(0)
    return byte > 0xff
      ? encodeURIComponent(character)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  })
}
