import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { listen } from '@linkfleet/runtime/http'
import { expect, onTestFinished, test } from 'vitest'
import type { FoundLink } from '../domain/find-link.ts'
import { foundLink, startTestServer } from '../testing/test-server.ts'

const browser = { accept: 'text/html' }
const unsendable = liveLink('abc', 1, { targetUrl: 'https://example.com/\u4e2d' })
const link = (copy = liveLink('abc', 1)) => foundLink(copy)
const serverThatFinds = (found: FoundLink | Promise<FoundLink>) =>
  startTestServer({ findLink: () => found }).server

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

test.each([
  ['/abc', 'GET, HEAD, POST'],
  ['/abc?utm_source=mail', 'GET, HEAD, POST'],
  ['/', 'GET, HEAD'],
  ['/.well-known/linkfleet-probe', 'GET, HEAD'],
])('%s is answered 405 with what it allows, whatever comes along with another method', async (url, allow) => {
  const { server, clicks } = startTestServer({ findLink: () => link() })
  const json = { headers: { 'content-type': 'application/json' }, payload: '{' }
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'] as const) {
    for (const body of [{}, json, { payload: 'x'.repeat(10_000) }]) {
      const answer = await server.inject({ method, url, ...body })
      expect(answer.json()).toMatchObject({ status: 405, code: 'method-not-allowed' })
      expect(answer.headers.allow).toBe(allow)
    }
  }
  expect(clicks).toEqual([])
})

test('what is no link has no methods either', async () => {
  const answer = await serverThatFinds(link()).inject({ method: 'PUT', url: '/a/b' })
  expect([answer.statusCode, answer.headers.allow]).toEqual([404, undefined])
})

const password = { passwordProtected: true, passwordVerifier: '' }
const durationPattern =
  /^http_request_duration_seconds_count\{.*route="(.*)",method="(.*)",code="(\d+)"\} (\d+)$/gm

test.each([
  ['a redirect', 'GET', '/abc', link(), '/:code GET 302'],
  ['a redirect that waits for its link', 'GET', '/abc', Promise.resolve(link()), '/:code GET 302'],
  ['a HEAD', 'HEAD', '/abc', link(liveLink('abc', 1, { redirectStatus: 308 })), '/:code HEAD 308'],
  ['one that cannot be sent', 'GET', '/abc', link(unsendable), '/:code GET 500'],
  ['a code without a link', 'GET', '/abc', { kind: 'absent' }, '/:code GET 404'],
  ['no code', 'GET', '/~~', link(), '/:code GET 404'],
  ['a preview', 'GET', '/abc+', link(), '/:code GET 200'],
  ['a password form', 'GET', '/abc', link(liveLink('abc', 1, password)), '/:code GET 403'],
  ['a form for a link without password', 'POST', '/abc', link(), '/:protectedCode POST 303'],
  ['a form that is none', 'POST', '/abc', link(), '/:protectedCode POST 415', 'text/plain'],
  [
    'a link that does not lead anywhere',
    'GET',
    '/abc',
    link(liveLink('abc', 1, { expiresAtMs: 1 })),
    '/:code GET 410',
  ],
] as const)(
  '%s is measured once, by whoever answers it',
  async (_name, method, url, found, series, type?: string) => {
    const { server, metrics } = startTestServer({ findLink: () => found })
    const contentType = type ?? 'application/x-www-form-urlencoded'
    const form = { payload: 'a=b', headers: { 'content-type': contentType } }
    await server.inject({ method, url, ...(method === 'POST' ? form : {}) })
    const page = await metrics.registry.metrics()
    const counted = [...page.matchAll(durationPattern)].filter(([, , , , count]) => count !== '0')
    expect(counted.map(([, ...labels]) => labels.join(' '))).toEqual([`${series} 1`])
  },
)

test.each([
  ['/abc', 'application/x-www-form-urlencoded', 403],
  ['/abc', 'text/plain', 403],
  ['/a/b', 'application/x-www-form-urlencoded', 404],
])(
  'a POST of %s as %s is answered %i when it has neither a body nor the length of one',
  async (path, type, status) => {
    const { server } = startTestServer({ findLink: () => link(liveLink('abc', 1, password)) })
    const listening = await listen(server, '127.0.0.1', 0)
    onTestFinished(async () => await listening[Symbol.asyncDispose]())
    const socket = connect(listening.port, '127.0.0.1')
    await once(socket, 'connect')
    // Neither fetch nor node:http sends such a request; curl -X POST does.
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: ${type}\r\n\r\n`)
    expect(await text(socket)).toMatch(`HTTP/1.1 ${status} `)
  },
)
