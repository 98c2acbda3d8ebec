import { createClientAddress } from '@linkfleet/runtime/client-address'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { expect, test } from 'vitest'
import type { FoundLink } from '../domain/find-link.ts'
import { unknownClient } from '../domain/identify-client.ts'
import { liveLink } from '../testing/live-link.ts'
import { createDescribeClick } from './describe-click.ts'
import { createRedirectServer } from './redirect-server.ts'

const browser = { accept: 'text/html' }
const unsendable = liveLink('abc', 1, { targetUrl: 'https://example.com/\u4e2d' })
const link = (copy = liveLink('abc', 1)): FoundLink => ({
  kind: 'link',
  known: { copy, asOfMs: 1 },
  source: 'memory',
  stale: false,
})

function serverThatFinds(found: FoundLink | Promise<FoundLink>) {
  return createRedirectServer({
    log: silentLogger(),
    metrics: new Metrics('redirect'),
    publicUrl: 'https://sho.rt',
    findLink: () => found,
    // As the spool does it: outside of the handler.
    clicks: { append: (_click, release) => void setImmediate(release, true) },
    describeClick: createDescribeClick({
      clientAddress: createClientAddress([]),
      identifyClient: () => unknownClient,
      respectDoNotTrack: true,
    }),
    clock: () => 1_700_000_000_000,
    lookedUp: () => undefined,
  })
}

test.each([
  ['a GET', 'GET', link(unsendable)],
  ['a HEAD', 'HEAD', link(unsendable)],
  ['a GET that had to wait for its link', 'GET', Promise.resolve(link(unsendable))],
  ['a HEAD that had to wait for its link', 'HEAD', Promise.resolve(link(unsendable))],
] as const)(
  'a target that no header can hold: %s is answered 500 and the process lives',
  async (_name, method, found) => {
    const answer = await serverThatFinds(found).inject({ method, url: '/abc' })
    expect(answer.statusCode).toBe(500)
    expect(answer.headers.location).toBeUndefined()
  },
)

test('a look-up that fails is answered 500', async () => {
  const failing = Promise.reject<FoundLink>(new Error('broken'))
  expect((await serverThatFinds(failing).inject('/abc')).statusCode).toBe(500)
})

test('the longest code is followed', async () => {
  expect((await serverThatFinds(link()).inject(`/${'a'.repeat(128)}`)).statusCode).toBe(302)
})

test.each(['/%zz', `/${'a'.repeat(129)}`, `/${'a'.repeat(2_000)}`, '/a/b'])(
  '%s is no link: a page for a browser, a problem for a program',
  async (url) => {
    const server = serverThatFinds(link())
    const page = await server.inject({ url, headers: browser })
    expect(page.statusCode).toBe(404)
    expect(page.headers['content-type']).toContain('text/html')
    const problem = await server.inject(url)
    expect(problem.json()).toMatchObject({ status: 404, code: 'not-found' })
    expect(problem.json()).not.toHaveProperty('field')
  },
)
