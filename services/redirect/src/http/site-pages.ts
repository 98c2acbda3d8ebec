/** What a host that only redirects has beside its codes: a front page, robots.txt, and a page for all else. */
import type { RouteOptions } from 'fastify'
import { answerWithoutLink, pageHeaders } from './answer-without-link.ts'
import { homePage } from './pages.ts'

/** Crawlers may follow links; every answer says by itself that it is not to be indexed. */
const robotsText = 'User-agent: *\nAllow: /\n'

export function sitePages(publicUrl: string): RouteOptions[] {
  const home = homePage(publicUrl)
  return [
    {
      method: ['GET', 'HEAD'],
      url: '/',
      handler: (_request, reply) => {
        reply.headers(pageHeaders).header('cache-control', 'public, max-age=300').send(home)
      },
    },
    {
      method: ['GET', 'HEAD'],
      url: '/robots.txt',
      handler: (_request, reply) => {
        reply
          .type('text/plain; charset=utf-8')
          .header('cache-control', 'public, max-age=86400')
          .send(robotsText)
      },
    },
    {
      method: ['GET', 'HEAD'],
      url: '/*',
      handler: (request, reply) => answerWithoutLink(request, reply, 'not-found'),
    },
  ]
}
