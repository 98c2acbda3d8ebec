import { expect, test } from 'vitest'
import type { FoundLink } from '../domain/find-link.ts'
import { liveLink } from '../testing/live-link.ts'
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
