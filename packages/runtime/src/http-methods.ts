/** Which methods a path has, for the answer to one that it has not: 405 with Allow (RFC 9110, 15.5.6). */
import type { FastifyInstance } from 'fastify'

/**
 * Watches the routes of a server as they are added. Gives back the methods of a path; empty when it has no route of its
 * own: one for whatever is left says that there is nothing.
 */
export function watchMethods(server: FastifyInstance): (path: string) => readonly string[] {
  const routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>()
  server.addHook('onRoute', ({ url, method }) => {
    if (url === '/*') return
    let route = routes.get(url)
    if (route === undefined) {
      route = { pattern: patternOf(url), methods: new Set() }
      routes.set(url, route)
    }
    for (const each of [method].flat()) route.methods.add(each)
  })
  return (path) => {
    const methods = new Set<string>()
    for (const route of routes.values()) {
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method)
    }
    return [...methods].sort()
  }
}

/** A parameter is a path segment; a star is the rest. */
function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`)
}
