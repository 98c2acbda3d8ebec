import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeUrl, urlLengthMax, urlRulesOf } from './judge-url.ts'

const rules = urlRulesOf(['https://go.example.com', 'http://console.example.com:8443'], false)
const judge = (text: string) => judgeUrl(text, rules)

describe('judging a URL', () => {
  it.each([
    ['https://example.com', 'https://example.com/'],
    ['https://example.com/a?b=c#d', 'https://example.com/a?b=c#d'],
    ['HTTP://EXAMPLE.COM:80/Path', 'http://example.com/Path'],
    ['  https://example.com/x  ', 'https://example.com/x'],
    ['http:\\\\example.com\\x', 'http://example.com/x'],
    ['https://bücher.example/ß', 'https://xn--bcher-kva.example/%C3%9F'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://sub.go.example.com/', 'https://sub.go.example.com/'],
    ['https://example.com./', 'https://example.com./'],
    ['https://notlocalhost.example/', 'https://notlocalhost.example/'],
  ])('%j is accepted as %s', (text, url) => {
    expect(judge(text)).toEqual({ kind: 'accepted', url })
  })

  it.each([
    // Schemes, and what only looks like one.
    '',
    'example.com',
    '//example.com/',
    '/path',
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'ftp://example.com/',
    'blob:https://example.com/x',
    'http://',
    'https://?x',
    // A user name or a password, also an empty one with a separator that means something.
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://:pass@example.com/',
    // This machine, in every spelling.
    'http://localhost/',
    'http://localhost./',
    'http://LocalHost:1/',
    'http://a.localhost/',
    'http://localhost4/',
    'http://localhost4.localdomain4/',
    'http://localhost6.localdomain6/',
    'http://printer.localdomain/',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://127.255.255.254/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0x7f000001/',
    'http://017700000001/',
    'http://0177.0.0.1/',
    'http://①②⑦.⓪.⓪.①/',
    'http://127。0。0。1/',
    'http://127.0.0.1./',
    'http://127.0.0.1../',
    'http://127.1../',
    'http://0x7f.1.../',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://0.0.0.0/',
    'http://0/',
    'http://[::]/',
    'http://%6c%6f%63%61%6c%68%6f%73%74/',
    'http://ｌｏｃａｌｈｏｓｔ/',
    // Private and reserved networks.
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.0.1/',
    'http://169.254.169.254/',
    'http://100.64.0.1/',
    'http://192.0.2.1/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://240.0.0.1/',
    'http://[fc00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[64:ff9b::a00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[64:ff9b:1::1]/',
    'http://[100::1]/',
    'http://intranet/',
    'http://printer.local/',
    'http://db.internal/',
    'http://nas.lan/',
    'http://router.home.arpa/',
    // The fleet itself.
    'https://go.example.com/',
    'http://go.example.com:1234/x',
    'https://GO.EXAMPLE.COM./x',
    'https://console.example.com/',
  ])('%j is refused', (text) => {
    expect(judge(text).kind).toBe('refused')
  })

  it('refuses one character too many, before and after encoding', () => {
    const base = 'https://example.com/'
    expect(judge(base + 'a'.repeat(urlLengthMax - base.length)).kind).toBe('accepted')
    expect(judge(base + 'a'.repeat(urlLengthMax - base.length + 1)).kind).toBe('refused')
    expect(judge(`${base}${'ä'.repeat(400)}`).kind).toBe('refused')
  })

  it('names the setting that allows private targets, and obeys it', () => {
    expect(judge('http://10.0.0.1/')).toMatchObject({
      reason: expect.stringContaining('ALLOW_PRIVATE_TARGETS'),
    })
    const open = { ...rules, allowPrivateTargets: true }
    expect(judgeUrl('http://10.0.0.1/', open).kind).toBe('accepted')
    expect(judgeUrl('http://intranet/', open).kind).toBe('accepted')
    expect(judgeUrl('https://go.example.com/', open).kind).toBe('refused')
    expect(judgeUrl('javascript:alert(1)', open).kind).toBe('refused')
  })

  it('on a machine of its own refuses the ports of the fleet by all names, and no other port', () => {
    const local = urlRulesOf(['http://localhost:8080', 'http://127.0.0.1:8083', 'http://[::1]'], true)
    const hosts = [
      'localhost',
      'LOCALHOST.',
      'a.localhost',
      '127.0.0.1',
      '127.1..',
      '[::1]',
      '0',
      '[::ffff:127.9.9.9]',
    ]
    for (const host of hosts) {
      for (const port of ['8080', '8083', '80']) {
        expect([host, judgeUrl(`http://${host}:${port}/`, local).kind]).toEqual([host, 'refused'])
      }
      expect([host, judgeUrl(`http://${host}:3000/`, local).kind]).toEqual([host, 'accepted'])
      expect([host, judgeUrl(`https://${host}/`, local).kind]).toEqual([host, 'accepted'])
    }
    expect(judgeUrl('http://10.0.0.1:8080/', local).kind).toBe('accepted')
  })

  it('never throws, and accepts its own normal form', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `http://${text}`),
        ),
        (text) => {
          const judgement = judge(text)
          if (judgement.kind === 'accepted') expect(judge(judgement.url)).toEqual(judgement)
        },
      ),
    )
  })

  it('refuses every IPv4 address of a private network, in all its spellings', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.constantFrom(10, 127), octet, octet, octet, (a, b, c, d) => {
        const number = ((a * 256 + b) * 256 + c) * 256 + d
        const mapped = `[::ffff:${a}.${b}.${c}.${d}]`
        for (const host of [
          `${a}.${b}.${c}.${d}`,
          `${number}`,
          `0x${number.toString(16)}`,
          `0${number.toString(8)}`,
          `${a}.${(b * 256 + c) * 256 + d}`,
          mapped,
        ]) {
          expect([host, judge(`http://${host}/`).kind]).toEqual([host, 'refused'])
        }
      }),
    )
  })
})
