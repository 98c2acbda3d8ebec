import { LinksClient, Role } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { adminKey, callApi, openTestFleet, type TestFleet } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start({ ANONYMOUS_LOOPBACK: 'true' })
  await eventually(async () => (await call('GET', '/api/v1/links')).status === 200)
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  callApi(shortener, method, path, body, headers)

describe('who may do what', () => {
  const roleKeys = new Map<string, string>()
  beforeAll(async () => {
    for (const role of ['reader', 'editor', 'admin']) {
      const answer = await call('POST', '/api/v1/keys', { name: `a ${role}`, role })
      expect(answer.status).toBe(201)
      roleKeys.set(role, answer.body.key)
    }
  })

  const rights: [string, string, unknown, Record<string, number>][] = [
    ['POST', '/api/v1/links', { url: 'https://example.com/' }, { reader: 403, editor: 201, admin: 201 }],
    ['GET', '/api/v1/links', undefined, { reader: 200, editor: 200, admin: 200 }],
    ['PATCH', '/api/v1/links/unknown', { title: 'x' }, { reader: 403, editor: 404, admin: 404 }],
    ['DELETE', '/api/v1/links/unknown', undefined, { reader: 403, editor: 404, admin: 404 }],
    ['POST', '/api/v1/login-tokens', undefined, { reader: 403, editor: 403, admin: 201 }],
    ['GET', '/api/v1/keys', undefined, { reader: 403, editor: 403, admin: 200 }],
  ]
  it.each(rights)('%s %s is allowed by role', async (method, path, body, expected) => {
    for (const [role, status] of Object.entries(expected)) {
      const answer = await call(method, path, body, { authorization: `Bearer ${roleKeys.get(role)}` })
      expect([role, answer.status]).toEqual([role, status])
    }
  })

  it('a key works in X-Api-Key too, and a wrong one nowhere, not even on this machine', async () => {
    const path = `${shortener.url}/api/v1/links`
    expect((await fetch(path, { headers: { 'x-api-key': adminKey } })).status).toBe(200)
    expect((await fetch(path, { headers: { 'x-api-key': 'wrong' } })).status).toBe(401)
    const wrong = await call(
      'POST',
      '/api/v1/links',
      { url: 'https://example.com/' },
      { authorization: 'Bearer no' },
    )
    expect(wrong.status).toBe(401)
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer')
    expect((await call('GET', '/api/v1/links', undefined, { authorization: 'Basic abc' })).status).toBe(401)
  })

  it('a key that is deleted or expired works no more', async () => {
    const made = await call('POST', '/api/v1/keys', { name: 'short lived', role: 'reader' })
    const headers = { authorization: `Bearer ${made.body.key}` }
    expect((await call('GET', '/api/v1/links', undefined, headers)).status).toBe(200)
    expect((await call('DELETE', `/api/v1/keys/${made.body.id}`)).status).toBe(204)
    expect((await call('GET', '/api/v1/links', undefined, headers)).status).toBe(401)
    expect((await call('DELETE', `/api/v1/keys/${made.body.id}`)).status).toBe(404)
  })

  it('a login token opens one session, which may be ended', async () => {
    const { body: login } = await call('POST', '/api/v1/login-tokens', { role: 'editor' })
    const attempts = await Promise.all(
      Array.from({ length: 5 }, () =>
        call('POST', '/api/v1/sessions', { token: login.token }, { authorization: 'Bearer none' }),
      ),
    )
    expect(attempts.map((answer) => answer.status).sort()).toEqual([201, 401, 401, 401, 401])
    const opened = attempts.find((answer) => answer.status === 201)?.body
    expect(opened).toMatchObject({ role: 'editor', expiresAt: expect.any(String) })
    const headers = { authorization: `Bearer ${opened.session}` }
    expect((await call('GET', '/api/v1/sessions/current', undefined, headers)).body.role).toBe('editor')
    expect((await call('DELETE', '/api/v1/sessions/current', undefined, headers)).status).toBe(204)
    expect((await call('GET', '/api/v1/sessions/current', undefined, headers)).status).toBe(401)
  })

  const anonymously = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const body = method === 'POST' ? JSON.stringify({ url: 'https://example.com/' }) : null
    const response = await fetch(`${shortener.url}${path}`, {
      method,
      body,
      headers: { ...(body === null ? {} : { 'content-type': 'application/json' }), ...headers },
    })
    await response.arrayBuffer()
    return response.status
  }

  it('a program on this machine may create links without a key, and nothing else', async () => {
    expect(await anonymously('POST', '/api/v1/links')).toBe(201)
    expect(await anonymously('GET', '/api/v1/links')).toBe(401)
    expect(await anonymously('GET', '/api/v1/keys')).toBe(401)
  })

  it.each(['x-forwarded-for', 'x-forwarded-host', 'forwarded'])(
    'not when %s says that a proxy speaks',
    async (name) => {
      expect(await anonymously('POST', '/api/v1/links', { [name]: '127.0.0.1' })).toBe(401)
    },
  )

  it('not where the setting is off', async () => {
    const strict = await fleet.start()
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ url: 'https://example.com/' })
    const response = await fetch(`${strict.url}/api/v1/links`, { method: 'POST', headers, body })
    expect(response.status).toBe(401)
  })
})

describe('another service', () => {
  it('is told whose a key or a session is', async () => {
    using client = openGrpcClient(LinksClient, { addresses: [shortener.address], deadlineMs: 20_000 })
    const check = (credential: string) => client.call((links) => links.checkKey, { credential })
    expect(await check(adminKey)).toEqual({
      valid: true,
      role: Role.ADMIN,
      subject: 'key:admin-key-file',
      expiresAtMs: 0,
    })
    const { body: login } = await call('POST', '/api/v1/login-tokens', { role: 'reader' })
    const { body: opened } = await call('POST', '/api/v1/sessions', { token: login.token })
    expect(await check(opened.session)).toMatchObject({ valid: true, role: Role.READER })
    expect((await check('wrong')).valid).toBe(false)
    expect((await check('')).valid).toBe(false)
  })
})
