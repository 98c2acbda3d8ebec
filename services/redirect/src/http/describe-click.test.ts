import type { IncomingHttpHeaders } from 'node:http'
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { createClientAddress } from '@linkfleet/runtime/client-address'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { type ClickSubject, createDescribeClick } from './describe-click.ts'

const visitor = Buffer.alloc(16, 1)
const subject: ClickSubject = {
  domainId: 1,
  code: 'abc',
  nowMs: 5,
  orphanReason: OrphanReason.UNSPECIFIED,
  targetUrl: 'https://example.com/?utm_source=mail',
}

function described(headers: IncomingHttpHeaders, given: Partial<ClickSubject> = {}, respects = true) {
  const asked: string[] = []
  const describeClick = createDescribeClick({
    clientAddress: createClientAddress(['127.0.0.1']),
    identifyClient: (address) => {
      asked.push(address)
      return { country: 'DE', region: 'Hesse', city: 'Kassel', visitor }
    },
    respectDoNotTrack: respects,
  })
  const raw = { headers, url: '/abc', socket: { remoteAddress: '127.0.0.1' } }
  return { asked, click: describeClick({ raw } as unknown as FastifyRequest, { ...subject, ...given }) }
}

const browser = {
  'user-agent': 'Mozilla/5.0',
  referer: 'https://news.example/path?secret=1',
  'accept-language': 'de-DE,de;q=0.9',
  'x-forwarded-for': '198.51.100.7',
}

test('a click tells place, visitor, referrer host, language and campaign, and no address', () => {
  const { click, asked } = described(browser)
  expect(asked).toEqual(['198.51.100.7'])
  expect(click).toMatchObject({
    kind: ClickKind.REDIRECT,
    visitor,
    country: 'DE',
    region: 'Hesse',
    city: 'Kassel',
    referrerHost: 'news.example',
    language: 'de-DE',
    utm: { source: 'mail' },
  })
  expect(JSON.stringify(click)).not.toContain('198.51.100.7')
})

test.each([{ dnt: '1' }, { 'sec-gpc': '1' }])(
  'with %o a click counts, but tells nothing of its visitor',
  (header) => {
    const { click, asked } = described({ ...browser, ...header })
    expect(asked).toEqual([])
    expect(click).toMatchObject({
      kind: ClickKind.REDIRECT,
      visitor: undefined,
      country: '',
      city: '',
      region: '',
    })
    expect(click).toMatchObject({
      referrerHost: '',
      language: '',
      userAgent: 'Mozilla/5.0',
      utm: { source: 'mail' },
    })
    expect(described({ ...browser, ...header }, {}, false).click).toMatchObject({ visitor, country: 'DE' })
  },
)

test('of an orphan only its reason is recorded', () => {
  const { click, asked } = described(browser, { orphanReason: OrphanReason.EXPIRED, targetUrl: '' })
  expect(asked).toEqual([])
  expect(click).toMatchObject({ kind: ClickKind.ORPHAN, orphanReason: OrphanReason.EXPIRED, userAgent: '' })
  expect(click).toMatchObject({ visitor: undefined, country: '', referrerHost: '', utm: undefined })
})
