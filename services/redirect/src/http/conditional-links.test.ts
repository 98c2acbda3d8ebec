/** What links may ask for before they lead on, as browsers and programs see it. */
import { scryptSync } from 'node:crypto'
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { describe, expect, test } from 'vitest'
import { foundLink, startTestServer, type TestServerOptions, testNowMs } from '../testing/test-server.ts'

const browser = { accept: 'text/html,application/xhtml+xml' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

function serverWith(more: Partial<LinkCopy>, options: Omit<TestServerOptions, 'findLink'> = {}) {
  return startTestServer({ ...options, findLink: () => foundLink(liveLink('abc', 1, more)) })
}

describe('status and query', () => {
  test.each([301, 302, 307, 308])(
    'a %i is sent as such, for GET and HEAD, and kept by no cache',
    async (status) => {
      const { server, clicks } = serverWith({ redirectStatus: status })
      for (const method of ['GET', 'HEAD'] as const) {
        const answer = await server.inject({ method, url: '/abc' })
        expect(answer.statusCode).toBe(status)
        expect(answer.headers['cache-control']).toBe('private, max-age=0')
        expect(answer.headers.location).toBe('https://example.com/abc?v=1')
      }
      expect(clicks).toHaveLength(1)
    },
  )

  test('a query goes to the target of a link that forwards it, and of no other', async () => {
    const forwarding = serverWith({ forwardQuery: true })
    const answer = await forwarding.server.inject('/abc?utm_source=mail&v=2')
    expect([answer.statusCode, answer.headers.location]).toEqual([
      302,
      'https://example.com/abc?utm_source=mail&v=2',
    ])
    const plain = await serverWith({}).server.inject('/abc?v=2')
    expect(plain.headers.location).toBe('https://example.com/abc?v=1')
  })

  test('a query that makes the target too long is answered 414 by its name', async () => {
    const { server, clicks } = serverWith({ forwardQuery: true })
    const answer = await server.inject(`/abc?a=${'x'.repeat(9_000)}`)
    expect(answer.json()).toMatchObject({ status: 414, code: 'uri-too-long', field: 'query' })
    expect(clicks).toEqual([])
  })
})

describe('start and expiry', () => {
  test('before its start a link answers 404 with a page of its own, and is an orphan', async () => {
    const { server, clicks } = serverWith({ startsAtMs: testNowMs + 1 })
    const page = await server.inject({ url: '/abc', headers: browser })
    expect([page.statusCode, page.headers['cache-control']]).toEqual([404, 'no-store'])
    expect(page.body).toContain('not open yet')
    expect(page.body).not.toContain('example.com')
    expect(clicks[0]).toMatchObject({ kind: ClickKind.ORPHAN, orphanReason: OrphanReason.NOT_STARTED })
    expect((await serverWith({ startsAtMs: testNowMs }).server.inject('/abc')).statusCode).toBe(302)
  })

  test('from its expiry on it answers 410', async () => {
    expect((await serverWith({ expiresAtMs: testNowMs + 1 }).server.inject('/abc')).statusCode).toBe(302)
    expect((await serverWith({ expiresAtMs: testNowMs }).server.inject('/abc')).statusCode).toBe(410)
  })
})

describe('maxClicks', () => {
  test('the last click is followed, the next is answered 410 with a page of its own', async () => {
    const { server, clicks } = serverWith({ maxClicks: 2 }, { clicksLeft: 2 })
    for (const status of [302, 302, 410]) expect((await server.inject('/abc')).statusCode).toBe(status)
    const page = await server.inject({ url: '/abc', headers: browser })
    expect([page.statusCode, page.body.includes('used up')]).toEqual([410, true])
    expect(clicks.map(({ kind }) => kind)).toEqual([1, 1, 2, 2])
    expect(clicks[2]?.orphanReason).toBe(OrphanReason.USED_UP)
  })

  test('HEAD, preview, probe and prefetch take none; a prefetch is not followed', async () => {
    const { server, clicks } = serverWith({ maxClicks: 1 }, { clicksLeft: 1 })
    expect((await server.inject({ method: 'HEAD', url: '/abc' })).statusCode).toBe(302)
    expect((await server.inject('/abc+')).statusCode).toBe(200)
    expect((await server.inject('/.well-known/linkfleet-probe/abc')).statusCode).toBe(204)
    const prefetch = await server.inject({ url: '/abc', headers: { 'sec-purpose': 'prefetch;prerender' } })
    expect(prefetch.json()).toMatchObject({ status: 403, code: 'prefetch-refused' })
    expect(prefetch.headers.location).toBeUndefined()
    expect(clicks).toEqual([])
    expect((await server.inject('/abc')).statusCode).toBe(302)
    expect((await server.inject('/abc')).statusCode).toBe(410)
    expect((await server.inject({ method: 'HEAD', url: '/abc' })).statusCode).toBe(410)
    expect((await server.inject('/abc+')).json()).toMatchObject({ leads: false, url: null })
  })

  test('when nobody can say how many are left the answer is 503 with Retry-After', async () => {
    const { server, clicks } = serverWith({ maxClicks: 1 }, { clicksLeft: undefined })
    for (const method of ['GET', 'HEAD'] as const) {
      const answer = await server.inject({ method, url: '/abc' })
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    }
    expect(clicks).toEqual([])
  })
})

describe('password', () => {
  const salt = Buffer.alloc(16, 7)
  const cheap = `$scrypt$ln=4,r=1,p=1$${unpadded(salt)}$${unpadded(scryptSync('sésame & co', salt, 32, { N: 16, r: 1, p: 1 }))}`
  const guarded = { passwordProtected: true, passwordVerifier: cheap, redirectStatus: 308 } as const
  function unpadded(bytes: Buffer): string {
    return bytes.toString('base64').replace(/=+$/, '')
  }
  const post = (password: string, url = '/abc') =>
    ({
      method: 'POST',
      url,
      headers: { ...form, ...browser },
      payload: new URLSearchParams({ password }).toString(),
    }) as const

  test('a browser gets a form that names nothing of the target, a program a problem; neither is a click', async () => {
    const { server, clicks } = serverWith(guarded)
    const page = await server.inject({ url: '/abc', headers: browser })
    expect(page.statusCode).toBe(200)
    expect(page.body).toContain('<form method="post">')
    expect(page.body).not.toContain('example.com')
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers.location).toBeUndefined()
    const head = await server.inject({ method: 'HEAD', url: '/abc', headers: browser })
    expect([head.statusCode, head.headers.location]).toEqual([200, undefined])
    const problem = await server.inject('/abc')
    expect(problem.json()).toMatchObject({ status: 403, code: 'password-required', field: 'password' })
    expect(clicks).toEqual([])
  })

  test('the right password is answered 303, whatever the link’s status, and is one click', async () => {
    const { server, clicks } = serverWith(guarded)
    const answer = await server.inject(post('sésame & co'))
    expect([answer.statusCode, answer.headers.location]).toEqual([303, 'https://example.com/abc?v=1'])
    expect(answer.headers['cache-control']).toBe('private, max-age=0')
    expect(clicks.map(({ kind }) => kind)).toEqual([ClickKind.REDIRECT])
  })

  test('a wrong one gets the form again with 403, a program a problem; no click', async () => {
    const { server, clicks } = serverWith(guarded)
    for (const wrong of ['sesame', '', ' sésame & co', 'x'.repeat(129)]) {
      const page = await server.inject(post(wrong))
      expect([page.statusCode, page.headers.location]).toEqual([403, undefined])
      expect(page.body).toContain('<form')
      expect(page.body).not.toContain('example.com')
    }
    const problem = await server.inject({ ...post('no'), headers: form })
    expect(problem.json()).toMatchObject({ status: 403, code: 'wrong-password', field: 'password' })
    expect(clicks).toEqual([])
  })

  test('a copy that lacks the verifier has it told by the primary; when that is away nobody can say', async () => {
    const without = { ...guarded, passwordVerifier: '' }
    const told = serverWith(without, { authority: foundLink(liveLink('abc', 1, guarded)) })
    expect((await told.server.inject(post('sésame & co'))).statusCode).toBe(303)
    expect((await told.server.inject(post('wrong'))).statusCode).toBe(403)
    const alone = await serverWith(without).server.inject(post('sésame & co'))
    expect([alone.statusCode, alone.headers['retry-after']]).toEqual([503, '2'])
  })

  test('after too many wrong ones the right one has to wait too; another client does not', async () => {
    const { server, refusals } = serverWith(guarded, { passwordsMax: 3 })
    for (let index = 0; index < 3; index++) expect((await server.inject(post('no'))).statusCode).toBe(403)
    const refused = await server.inject(post('sésame & co'))
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '60'])
    expect(refusals).toEqual(['passwords'])
    const from = (client: string) => ({ 'x-forwarded-for': client })
    const other = post('sésame & co')
    expect(
      (await server.inject({ ...other, headers: { ...other.headers, ...from('203.0.113.5') } })).statusCode,
    ).toBe(303)
    // Many clients together are bounded as well.
    const statuses: number[] = []
    for (let index = 0; index < 4; index++) {
      const wrong = post('no')
      const answer = await server.inject({
        ...wrong,
        headers: { ...wrong.headers, ...from(`203.0.113.${index}`) },
      })
      statuses.push(answer.statusCode)
    }
    expect(statuses).toEqual([403, 403, 403, 429])
  })

  test('right passwords are no failures, however many', async () => {
    const { server } = serverWith(guarded, { passwordsMax: 2 })
    for (let index = 0; index < 6; index++)
      expect((await server.inject(post('sésame & co'))).statusCode).toBe(303)
  })

  test('nor are those that came when too many were being checked', async () => {
    const { server } = serverWith(guarded, { passwordsMax: 120 })
    const statuses = new Set<number>()
    for (let burst = 0; burst < 3; burst++) {
      const answers = Array.from({ length: 120 }, () => server.inject(post('sésame & co')))
      for (const { statusCode } of await Promise.all(answers)) statuses.add(statusCode)
    }
    expect([...statuses].sort()).toEqual([303, 503])
  })

  test('query and limit hold behind a password as well; a wrong one takes no click', async () => {
    const { server } = serverWith({ ...guarded, forwardQuery: true, maxClicks: 1 }, { clicksLeft: 1 })
    expect((await server.inject(post('no', '/abc?a=1'))).statusCode).toBe(403)
    const answer = await server.inject(post('sésame & co', '/abc?a=1'))
    expect(answer.headers.location).toBe('https://example.com/abc?v=1&a=1')
    expect((await server.inject(post('sésame & co'))).statusCode).toBe(410)
  })

  test.each([
    [
      'a body of another kind',
      { 'content-type': 'application/json' },
      '{"password":"x"}',
      415,
      'content-type',
    ],
    ['a body that is too long', form, `password=${'x'.repeat(5_000)}`, 413, 'body'],
  ])('%s is refused by its name', async (_name, headers, payload, status, field) => {
    const { server } = serverWith(guarded)
    const answer = await server.inject({ method: 'POST', url: '/abc', headers, payload })
    expect(answer.json()).toMatchObject({ status, field })
  })

  test('a form for a link without a password leads on by 303; there is none for a preview', async () => {
    const { server } = serverWith({ redirectStatus: 307 })
    expect((await server.inject(post('any'))).statusCode).toBe(303)
    expect((await server.inject({ ...post('x'), url: '/abc+' })).statusCode).toBe(404)
  })
})

describe('preview', () => {
  const nasty = "http://xn--e1awd7f.example:8080/?q=\"><script>alert(1)</script>&a='b'"

  test('shows target, title, date, state and what to mind of a link, escaped, and is no click', async () => {
    const { server, clicks } = serverWith({ targetUrl: nasty })
    const page = await server.inject({ url: '/abc+', headers: browser })
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.body).not.toContain('<script>')
    expect(page.body).not.toContain('<b>')
    for (const text of [
      'https://sho.rt/abc',
      'xn--e1awd7f.example:8080',
      '&#60;b&#62;Title &#38; more',
      '2026-01-31',
      'Active',
    ])
      expect(page.body).toContain(text)
    for (const note of ['not encrypted', 'look like others', 'port 8080']) expect(page.body).toContain(note)
    const json = (await server.inject('/abc%2B')).json()
    expect(json).toMatchObject({ code: 'abc', url: nasty, title: '<b>Title & more</b>', leads: true })
    expect(json.createdAt).toBe('2026-01-31T00:00:00.000Z')
    expect((await server.inject({ method: 'HEAD', url: '/abc+' })).statusCode).toBe(200)
    expect(clicks).toEqual([])
  })

  test.each([
    ['expired', { expiresAtMs: testNowMs }, 'No longer available'],
    ['deleted', { state: LinkState.DELETED }, 'No longer available'],
    ['not started', { startsAtMs: testNowMs + 1 }, 'Not open yet'],
    ['protected', { passwordProtected: true }, 'Protected by a password'],
  ])('of a link that is %s it tells the state and not the target', async (_name, more, state) => {
    const { server } = serverWith(more)
    const page = await server.inject({ url: '/abc+', headers: browser })
    expect(page.statusCode).toBe(200)
    expect(page.body).toContain(state)
    expect(page.body).not.toContain('example.com')
    expect(page.body).not.toContain('Title')
    expect((await server.inject('/abc+')).json()).toMatchObject({ url: null, title: null, state })
  })

  test('of a copy that nobody could confirm is counted as stale', async () => {
    const stale = { ...foundLink(liveLink('abc', 1)), stale: true }
    const { server, lookups } = startTestServer({ findLink: () => stale })
    expect((await server.inject('/abc+')).statusCode).toBe(200)
    expect(lookups).toEqual([stale])
  })

  test('of an unknown code it answers 404, of one nobody can look up 503', async () => {
    const absent = startTestServer({ findLink: () => ({ kind: 'absent' }) })
    expect((await absent.server.inject('/abc+')).statusCode).toBe(404)
    const unknown = startTestServer({ findLink: async () => ({ kind: 'unknown' }) })
    expect((await unknown.server.inject('/abc+')).statusCode).toBe(503)
    for (const url of ['/+', '/ab.c+', `/${'a'.repeat(129)}+`, '/abc++'])
      expect((await absent.server.inject(url)).statusCode).toBe(404)
  })
})
