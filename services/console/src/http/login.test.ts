import { LinkfleetError } from '@linkfleet/contracts/errors'
import { expect, test } from 'vitest'
import { answerSessions, json, openConsole, session } from '../testing/fixture.ts'

const opened = json(201, { session, role: 'admin', expiresAt: '2099-01-01T00:00:00.000Z' })

test('a one-time token becomes a cookie that no script can read, and is not kept in the address', async () => {
  await using console = await openConsole()
  console.shortener.answer = () => opened
  const answer = await console.server.inject({ url: '/login?token=one-time' })
  expect(answer.statusCode).toBe(303)
  expect(answer.headers.location).toBe('/')
  const set = String(answer.headers['set-cookie'])
  expect(set).toContain(`linkfleet_session=${session}; Path=/; Expires=Thu, 01 Jan 2099`)
  expect(set).toContain('HttpOnly')
  expect(set).toContain('SameSite=Lax')
  expect(set).not.toContain('Secure')
  expect(console.shortener.asked).toEqual([
    {
      method: 'POST',
      path: '/api/v1/sessions',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'x-forwarded-for': '127.0.0.1',
      },
      body: '{"token":"one-time"}',
    },
  ])
})

test('behind https the cookie is Secure', async () => {
  await using console = await openConsole({ consoleUrl: 'https://console.example' })
  console.shortener.answer = () => opened
  const answer = await console.server.inject({ url: '/login?token=one-time' })
  expect(answer.headers['set-cookie']).toContain('Secure')
})

test('a spent token leads to a page that says so, without a cookie', async () => {
  await using console = await openConsole()
  console.shortener.answer = () => json(401, { code: 'unauthenticated' })
  const answer = await console.server.inject({ url: '/login?token=spent' })
  expect(answer.headers.location).toBe('/login?problem=refused')
  expect(answer.headers['set-cookie']).toBeUndefined()
})

test.each([
  [
    'away',
    () => {
      throw new LinkfleetError('unavailable', 'away')
    },
  ],
  ['failing', () => json(503, {})],
])('a shortener that is %s leads to a page that says so', async (_, behave) => {
  await using console = await openConsole()
  console.shortener.answer = behave
  const answer = await console.server.inject({ url: '/login?token=one-time' })
  expect(answer.headers.location).toBe('/login?problem=unavailable')
})

test('an answer that holds no usable session opens none', async () => {
  await using console = await openConsole()
  console.shortener.answer = () => json(201, { session: 'x\r\ny' })
  const answer = await console.server.inject({ url: '/login?token=one-time' })
  expect(answer.headers.location).toBe('/login?problem=refused')
})

test.each([
  ['a prefetch', { url: '/login?token=one-time', headers: { 'sec-purpose': 'prefetch;prerender' } }],
  ['HEAD', { method: 'HEAD' as const, url: '/login?token=one-time' }],
  ['a look at the page', { url: '/login' }],
])('%s does not use a token up', async (_, request) => {
  await using console = await openConsole()
  const answer = await console.server.inject(request)
  expect(answer.headers['set-cookie']).toBeUndefined()
  expect(console.shortener.asked).toEqual([])
})

test('fleets on two ports of one host keep their sessions apart', async () => {
  await using console = await openConsole()
  console.shortener.answer = () => opened
  const headers = { host: 'localhost:8083', origin: 'http://localhost:8083' }
  const login = await console.server.inject({ url: '/login?token=one-time', headers })
  expect(login.headers['set-cookie']).toContain(`linkfleet_session_8083=${session};`)
  console.shortener.answer = answerSessions
  const other = 'linkfleet_session_9083=lfs_of-the-other-fleet'
  const cookie = `${other}; linkfleet_session_8083=${session}`
  const url = '/api/console/session'
  expect((await console.server.inject({ url, headers: { ...headers, cookie } })).statusCode).toBe(200)
  expect((await console.server.inject({ url, headers: { ...headers, cookie: other } })).statusCode).toBe(401)
  const logout = await console.server.inject({ method: 'DELETE', url, headers: { ...headers, cookie } })
  expect(logout.headers['set-cookie']).toContain('linkfleet_session_8083=; Max-Age=0')
  expect(logout.headers['set-cookie']).not.toContain('9083')
})
