import { ClickKind } from '@linkfleet/contracts/clicks'
import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { describe, expect, test } from 'vitest'
import { foundLink, startTestServer } from '../testing/test-server.ts'

const browser = { accept: 'text/html' }
const serverWith = (more: Partial<LinkCopy>) =>
  startTestServer({ findLink: () => foundLink(liveLink('abc', 1, more)) })

describe('probe', () => {
  const probe = '/.well-known/linkfleet-probe/'
  test('says that a link leads on, not where to, and is no click', async () => {
    const { server, clicks } = serverWith({})
    for (const method of ['GET', 'HEAD'] as const) {
      const answer = await server.inject({ method, url: `${probe}abc` })
      expect([answer.statusCode, answer.headers.location, answer.body]).toEqual([204, undefined, ''])
    }
    expect((await serverWith({ state: LinkState.DELETED }).server.inject(`${probe}abc`)).statusCode).toBe(410)
    const absent = startTestServer({ findLink: () => ({ kind: 'absent' }) })
    expect((await absent.server.inject(`${probe}abc`)).statusCode).toBe(404)
    expect((await absent.server.inject(`${probe}a.b`)).statusCode).toBe(404)
    const unknown = startTestServer({ findLink: async () => ({ kind: 'unknown' }) })
    expect((await unknown.server.inject(`${probe}abc`)).statusCode).toBe(503)
    expect([...clicks, ...absent.clicks]).toEqual([])
  })

  test("without a code is for the fleet's own link, in a domain that no visitor reaches", async () => {
    const asked: unknown[] = []
    const { server, clicks } = startTestServer({
      findLink: (domainId, code) => {
        asked.push([domainId, code])
        return foundLink(liveLink(code, 1))
      },
    })
    expect((await server.inject('/.well-known/linkfleet-probe')).statusCode).toBe(204)
    expect(asked).toEqual([[0, 'probe']])
    expect(clicks).toEqual([])
  })
})

describe('missing too often', () => {
  const from = (client: string) => ({ 'x-forwarded-for': client })
  const known = new Set(['abc'])
  const serverFor = (missesMax?: number) =>
    startTestServer({
      findLink: (_domain, code) => (known.has(code) ? foundLink(liveLink(code, 1)) : { kind: 'absent' }),
      ...(missesMax === undefined ? {} : { missesMax }),
    })

  test('a client that tries out codes is answered 429 for everything, with Retry-After; others are not', async () => {
    const { server, clicks, refusals } = serverFor(5)
    for (let index = 0; index < 6; index++)
      expect((await server.inject({ url: `/no${index}`, headers: from('203.0.113.5') })).statusCode).toBe(404)
    for (const url of ['/no9', '/abc', '/abc+', '/.well-known/linkfleet-probe/abc']) {
      const answer = await server.inject({ url, headers: from('203.0.113.5') })
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '60'])
      expect(answer.json()).toMatchObject({ code: 'too-many-requests' })
    }
    expect(
      (await server.inject({ url: '/abc', headers: { ...from('203.0.113.5'), ...browser } })).body,
    ).toContain('Slow down')
    expect((await server.inject({ url: '/abc', headers: from('203.0.113.6') })).statusCode).toBe(302)
    expect(clicks.filter(({ kind }) => kind === ClickKind.REDIRECT)).toHaveLength(1)
    expect(refusals).toHaveLength(5)
  })

  test('all of an IPv6 /64 is one client', async () => {
    const { server } = serverFor(5)
    for (let index = 0; index < 6; index++)
      await server.inject({ url: `/no${index}`, headers: from(`2001:db8:1:2::${index}`) })
    expect((await server.inject({ url: '/abc', headers: from('2001:db8:1:2:ffff::1') })).statusCode).toBe(429)
    expect((await server.inject({ url: '/abc', headers: from('2001:db8:1:3::1') })).statusCode).toBe(302)
  })

  test('a program of this machine is never slowed: it may be a proxy that nobody named', async () => {
    const { server } = serverFor(1)
    for (const client of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      for (let index = 0; index < 5; index++)
        expect((await server.inject({ url: '/no', headers: from(client) })).statusCode).toBe(404)
    }
  })

  test('who follows links that exist is never slowed, nor anybody when the limit is off', async () => {
    const { server } = serverFor(1)
    for (let index = 0; index < 50; index++) expect((await server.inject('/abc')).statusCode).toBe(302)
    const off = serverFor()
    for (let index = 0; index < 50; index++) expect((await off.server.inject('/no')).statusCode).toBe(404)
  })
})
