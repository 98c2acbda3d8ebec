import { describe, expect, test } from 'vitest'
import {
  forwardedForOf,
  headersForVisitor,
  isFromOwnPage,
  type OriginFacts,
  sessionCookieNameOf,
  sessionOf,
} from './visitor.ts'

const session = 'lfs_0123456789abcdefABCDEF'

describe('the session in a cookie', () => {
  test('is taken as it is', () => expect(sessionOf(session)).toBe(session))

  test.each([
    undefined,
    '',
    'short',
    `${session}\r\nx-api-key: other`,
    `${session} and more`,
    'é'.repeat(30),
    'a'.repeat(600),
  ])('%j is none, so that it never reaches a header', (cookie) => expect(sessionOf(cookie)).toBeNull())
})

test.each([
  ['localhost:8083', 'linkfleet_session_8083'],
  ['[::1]:8083', 'linkfleet_session_8083'],
  ['console.example', 'linkfleet_session'],
  ['console.example:80', 'linkfleet_session'],
  ['console.example:443', 'linkfleet_session'],
  ['localhost:8083; Domain=example', 'linkfleet_session'],
  [undefined, 'linkfleet_session'],
])('the session of %s is in the cookie %s', (host, name) => expect(sessionCookieNameOf(host)).toBe(name))

describe('the rights that go on', () => {
  test('are the session of the visitor and their address', () => {
    expect(headersForVisitor(session, '203.0.113.9')).toEqual({
      accept: 'application/json',
      authorization: `Bearer ${session}`,
      'x-forwarded-for': '203.0.113.9',
    })
  })

  test('without a session are none, and the address still says that the console stands between', () => {
    const headers = headersForVisitor(null, '127.0.0.1')
    expect(headers).not.toHaveProperty('authorization')
    expect(headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  test('name the peer last, after what a proxy said', () => {
    expect(forwardedForOf('203.0.113.9', '10.0.0.2')).toBe('203.0.113.9, 10.0.0.2')
    expect(forwardedForOf(undefined, '::1')).toBe('::1')
  })

  test.each(['', '  ', 'a\r\nb', '<script>', '1'.repeat(600)])('leave out a chain such as %j', (received) => {
    expect(forwardedForOf(received, '10.0.0.2')).toBe('10.0.0.2')
  })
})

describe('a change', () => {
  const facts: OriginFacts = {
    method: 'POST',
    origin: 'http://localhost:8083',
    host: 'localhost:8083',
    secFetchSite: undefined,
    consoleUrl: '',
  }

  test.each<[string, Partial<OriginFacts>]>([
    ['names the origin of the page', {}],
    ['names it and the host in another spelling', { host: 'LOCALHOST:8083' }],
    ['leaves out the default port that the host has', { origin: 'http://localhost', host: 'localhost:80' }],
    ['is said to be of the same origin by the browser', { secFetchSite: 'same-origin', origin: 'null' }],
    [
      'names the origin before the proxy',
      { origin: 'https://links.example', consoleUrl: 'https://links.example/' },
    ],
    ['only reads', { method: 'GET', origin: 'https://evil.example', secFetchSite: 'cross-site' }],
  ])('is taken when it %s', (_, changed) => {
    expect(isFromOwnPage({ ...facts, ...changed })).toBe(true)
  })

  test.each<[string, Partial<OriginFacts>]>([
    ['names another origin', { origin: 'https://evil.example' }],
    ['names another port', { origin: 'http://localhost:8080' }],
    ['names no origin', { origin: undefined }],
    ['names an opaque origin', { origin: 'null' }],
    ['comes from another port of this host', { secFetchSite: 'same-site' }],
    ['comes from another site, whatever its origin says', { secFetchSite: 'cross-site' }],
    ['has no host', { host: undefined }],
    [
      'names http where the proxy has https',
      { origin: 'http://links.example', consoleUrl: 'https://links.example' },
    ],
  ])('is refused when it %s', (_, changed) => {
    expect(isFromOwnPage({ ...facts, ...changed })).toBe(false)
  })
})
